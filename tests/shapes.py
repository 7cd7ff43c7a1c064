"""The shape guard: names carry shapes (`weights_BRS`), and this holds them to it while a test runs.

When a function of the model is called, every tensor among its arguments whose name has a suffix has as many axes as the
suffix has letters, equal letters mean equal sizes, and a digit is that size. Fields of NamedTuples likewise, each tuple
for itself. R, the rows of queries, may also be 1 where all rows share (masks).
"""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from torch import Tensor

import nmt

SUFFIX = re.compile(r"_([A-Z0-9][A-Z0-9n]*)$")
ROOT = str(Path(nmt.__file__).parent)
PARTS = ("attention", "layers", "encoders", "decoders", "model.py", "loss.py", "batch.py")


def disagreements(named: Mapping[str, Any]) -> list[str]:
    """What is wrong with a set of tensors, by their names."""
    sizes: dict[str, tuple[int, str]] = {}
    wrong = []
    for name, value in named.items():
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            wrong += [f"{name}.{problem}" for problem in disagreements(value._asdict())]
        suffix = SUFFIX.search(name)
        if not suffix or not isinstance(value, Tensor):
            continue
        shape, letters = tuple(value.shape), suffix[1]
        if len(shape) != len(letters):
            wrong.append(f"{name} has shape {shape}")
            continue
        for letter, size in zip(letters, shape, strict=True):
            known, first = (int(letter), "digit") if letter.isdigit() else sizes.setdefault(letter, (size, name))
            if letter == "R" and known == 1:
                sizes[letter] = (size, name)
            elif size != known and not (letter == "R" and size == 1):
                wrong.append(f"{name} has shape {shape}, but {letter} is {known} ({first})")
    return wrong


@contextmanager
def guarded() -> Iterator[None]:
    """Check names against shapes of the arguments in every call of the model's modules meanwhile."""
    wrong: dict[str, None] = {}
    places = tuple(f"{ROOT}/{part}" for part in PARTS)

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(places):
            place = f"{Path(frame.f_code.co_filename).relative_to(ROOT)}: {frame.f_code.co_name}"
            wrong.update((f"{place}: {problem}", None) for problem in disagreements(frame.f_locals))

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)
    assert not wrong, "names and shapes disagree:\n" + "\n".join(wrong)

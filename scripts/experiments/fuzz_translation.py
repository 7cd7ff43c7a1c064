"""What is fuzzed of `nmt translate --input FILE`: bytes, translated by small models as the command does it."""

import io
import json
import re
from contextlib import redirect_stderr
from functools import cached_property
from pathlib import Path

import torch
from experiments.fuzz_formats import refused

from nmt.cli.translating import Work, write
from nmt.data.inputs import Inputs
from nmt.decoders.base import Want
from nmt.model import ModelOptions
from nmt.search import Beam, Greedy
from nmt.text.tokenizers import Tokenizers
from nmt.translate import Decoding, Translator

MAX_LENGTH = 6  # pieces of a line, end counted: most lines are cut
DECODINGS = (
    Decoding(Greedy.Options(), max_length=4),
    Decoding(Beam.Options(beam_size=2), n_best=2, want=Want(), max_length=4),
    Decoding(Greedy.Options(), max_length=4, batch_tokens=16, replace_unknown=True),
)
INPUTS = (Inputs(), Inputs(context=1), Inputs(texts=2))
WHOLE = ({}, {"weights": "w", "checkpoint": "step-1"})  # written at once, or so that it could be gone on with
SIDES = b"\xfe\xfe"  # between the two texts of a model of two
WARNING = re.compile(r"warning: (.+):(\d+): \S.*")


class Translating:
    """Texts to translate: one line out for each line, or an error that names a file."""

    def __init__(self, folder: Path, tokenizers: dict[str, Tokenizers]) -> None:
        self.folder = folder
        self.tokenizers = tokenizers

    @cached_property
    def translators(self) -> list[Translator]:
        """One for each tokenizer, and for each number of sources with the first of these."""
        first, *others = self.tokenizers.values()
        pairs = [*((first, inputs) for inputs in INPUTS), *((other, INPUTS[0]) for other in others)]
        return [small_translator(*pair) for pair in pairs]

    def __call__(self, data: bytes) -> None:
        """The first byte says which model, search, and way to write; the others are the text."""
        choice, text = data[0] if data else 0, data[1:]
        choice, model = divmod(choice, len(self.translators))
        translator = self.translators[model]
        choice, search = divmod(choice, len(DECODINGS))
        texts = text.split(SIDES, 1) if translator.inputs.texts == 2 else [text]
        inputs = [self.folder / f"text-{number}" for number in range(translator.inputs.texts)]
        for path, side in zip(inputs, [*texts, b""], strict=False):
            path.write_bytes(side)
        output, records = self.folder / "translated", self.folder / "translated.jsonl"
        for path in self.folder.glob("translated*"):
            path.unlink()
        said = io.StringIO()
        with refused(*inputs), redirect_stderr(said):
            work = Work(translator, DECODINGS[search], inputs, None, output, records, None)
            write(work, dict(WHOLE[choice % len(WHOLE)]), resume=False, overwrite=False)
        assert output.exists() == records.exists(), "both or none"
        if output.exists():
            check(texts, output.read_bytes(), records.read_bytes(), said.getvalue(), list(map(str, inputs)))


def small_translator(tokenizers: Tokenizers, inputs: Inputs) -> Translator:
    """A model of few weights, drawn at random so that it writes something, and reads few pieces at once."""
    options = {
        "embedding_size": 4,
        "encoder": {"name": "rnn", "size": 2},
        "decoder": {"name": "rnn", "size": 4},
        "sources": {"combine": "concat", "shared_encoder": True} if inputs.num_sources > 1 else None,
    }
    torch.manual_seed(1)
    sizes = [len(tokenizer.vocabulary) for tokenizer in tokenizers]
    model = ModelOptions.model_validate(options).build(*sizes, inputs.num_sources)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.5)
    return Translator(model.eval(), tokenizers, Greedy.Options(), MAX_LENGTH, inputs)


def check(texts: list[bytes], output: bytes, records: bytes, said: str, names: list[str]) -> None:
    """Hold what was written against the lines, counted anew."""
    lines = texts[0].split(b"\n")[: texts[0].count(b"\n") + (texts[0][-1:] not in (b"\n", b""))]
    written = output.decode().split("\n")
    objects = [json.loads(record) for record in records.decode().split("\n")[:-1]]
    assert not written.pop(), "the last line ends"
    assert len(written) == len(objects) == len(lines), "one line for each line"
    warnings = [WARNING.fullmatch(line) for line in said.split("\n")[:-1]]
    noted = {int(warning[2]) for warning in warnings if warning and warning[1] in names}
    assert all(warnings), "a warning names a file and a line"
    assert noted <= set(range(1, len(lines) + 1))
    for number, (line, text, found) in enumerate(zip(lines, written, objects, strict=True), 1):
        assert len(text.splitlines()) <= 1
        assert text == (found["hypotheses"][0]["text"] if found["hypotheses"] else "")
        assert found["hypotheses"] or number in noted or is_blank(line), "what is lost is noted"
        assert found["segments"] < 2 or number in noted, "what is cut is noted"


def is_blank(line: bytes) -> bool:
    """Whether a line has nothing to translate."""
    return not line.decode("utf-8", "replace").strip().removeprefix("\ufeff").strip()

"""Files of tensors (safetensors): names, shapes and types are looked at before memory is taken for any of them."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from nmt.errors import CheckpointError

MAX_HEADER = 16_000_000  # bytes of names and shapes: 100,000 tensors
KINDS = {torch.float32: "F32", torch.float64: "F64", torch.bfloat16: "BF16", torch.float16: "F16", torch.uint8: "U8"}
KINDS |= {torch.int64: "I64", torch.int32: "I32", torch.bool: "BOOL"}


class Form(NamedTuple):
    """A tensor without its values; `kind` is safetensors' word for its type."""

    shape: tuple[int, ...]
    kind: str

    @classmethod
    def of(cls, tensor: Tensor) -> "Form":
        """The form of a tensor."""
        return cls(tuple(tensor.shape), KINDS.get(tensor.dtype, str(tensor.dtype)))


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Every distinct parameter and persistent buffer by its (first) name: tied parameters appear once."""
    distinct = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: distinct[name].detach() for name in model.state_dict() if name in distinct}


def forms(file: Path) -> dict[str, Form]:
    """What a file holds, by name; no tensor of it is read."""
    with _opened(file) as content:
        return _forms(content)


def read_tensors(file: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file."""
    with _opened(file) as content:
        return {name: content.get_tensor(name).clone() for name in content.keys()}  # noqa: SIM118 (no mapping)


def check_weights(model: nn.Module, file: Path) -> None:
    """Raises: CheckpointError unless a file has the model's tensors, one by one; the model may be an outline."""
    with _opened(file) as content:
        _compare(file, _forms(content), weights(model))


def load_weights(model: nn.Module, file: Path) -> None:
    """Copy a file's tensors into the model; names, shapes and types must be the same, one by one."""
    expected = weights(model)
    with _opened(file) as content:
        _compare(file, _forms(content), expected)
        for name, tensor in expected.items():
            tensor.copy_(content.get_tensor(name))


def average(files: list[Path]) -> dict[str, Tensor]:
    """θ = (θ₁ + … + θ_k) / k, summed in float64: the mean of the tensors of k files with the same names."""
    first = read_tensors(files[0])
    total = {name: tensor.double() for name, tensor in first.items()}
    for file in files[1:]:
        for name, tensor in read_tensors(file).items():
            total[name] += tensor
    return {name: (tensor / len(files)).to(first[name].dtype) for name, tensor in total.items()}


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """A file whose header is within bounds; the library holds its offsets against the file's size."""
    try:
        _check_header(file)
        with safe_open(file, framework="pt") as content:
            yield content
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{file}: not a safetensors file ({error})") from error


def _check_header(file: Path) -> None:
    """The first eight bytes are the header's length."""
    if file.exists() and not file.is_file():
        raise CheckpointError(f"{file}: not a plain file")
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
    if length > min(MAX_HEADER, os.path.getsize(file)):
        raise CheckpointError(f"{file}: not a safetensors file (its header would have {length:,} bytes)")


def _forms(content: Any) -> dict[str, Form]:
    slices = {name: content.get_slice(name) for name in content.keys()}  # noqa: SIM118 (no mapping)
    return {name: Form(tuple(slice_.get_shape()), slice_.get_dtype()) for name, slice_ in slices.items()}


def _compare(file: Path, found: Mapping[str, Form], model: Mapping[str, Tensor]) -> None:
    expected = {name: Form.of(tensor) for name, tensor in model.items()}
    both = sorted(expected.keys() & found.keys())
    wrong = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    wrong += [f"{name} is not of this model" for name in sorted(found.keys() - expected.keys())]
    wrong += list(_unequal((name, found[name], expected[name]) for name in both))
    if wrong:
        more = f" and {len(wrong) - 4} more" if len(wrong) > 4 else ""
        raise CheckpointError(f"{file}: {'; '.join(wrong[:4])}{more}", "the config's `model:` must be the weights' own")


def _unequal(forms: Iterable[tuple[str, Form, Form]]) -> Iterator[str]:
    for name, found, expected in forms:
        if found.shape != expected.shape:
            yield f"{name} has shape {found.shape}, the config's model {expected.shape}"
        elif found.kind != expected.kind:
            yield f"{name} is {found.kind}, the config's model {expected.kind}"

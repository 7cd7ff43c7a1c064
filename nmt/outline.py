"""A model's names and shapes before any memory is taken for it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from nmt.errors import ConfigError

MAX_TENSORS = 10_000
CALLS = 10  # of torch that a tensor's making costs, about; at most 9 in the models there are
DRAWS = frozenset({"normal_", "uniform_", "kaiming_uniform_", "zero_", "fill_"})  # first values, which no shape needs

Model = TypeVar("Model", bound=nn.Module)


def outline(build: Callable[[], Model], most: int = MAX_TENSORS) -> Model:
    """The model that `build` makes, its tensors without values (on torch's device `meta`).

    Cost: milliseconds, however large its tensors. Raises: ConfigError for sizes that cannot be, and for many more than
    `most` tensors.
    """
    try:
        with _Counted(CALLS * (most + 20)), torch.device("meta"):
            return build()
    except (RuntimeError, TypeError, OverflowError) as error:  # torch's own, for sizes beyond 64 bits
        message = f"model: its sizes are more than any machine holds ({str(error).splitlines()[0]})"
        raise ConfigError(message, _SMALLER) from error


def check_fits(model: nn.Module) -> None:
    """Raises: ConfigError where the weights of an outlined model are more than this machine's memory."""
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict(keep_vars=True).values())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size > memory:
        message = f"model: its weights take {size / 1e9:,.1f} GB, and this machine has {memory / 1e9:,.1f} GB of memory"
        raise ConfigError(message, _SMALLER)


@contextmanager
def allocated() -> Iterator[None]:
    """Raises: ConfigError where the model that the block makes gets no memory: a process may have its own limit."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):
            raise
        raise ConfigError("model: there is not enough memory for its weights", _SMALLER) from error


_SMALLER = "set smaller sizes, or fewer layers, in the config's `model:`"


class _Counted(TorchFunctionMode):
    """Counts the calls of torch, and leaves out the drawing of first values."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.calls, self.most = 0, most

    def __torch_function__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        if self.calls > self.most:
            raise ConfigError("model: it has more parts than its weights, or than any model that is trained", _SMALLER)
        if getattr(function, "__name__", "") in DRAWS:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))

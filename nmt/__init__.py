"""Sequence-to-sequence translation models: train, translate, evaluate, and see what they attend to."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nmt.translate import Translator
else:

    def __getattr__(name: str) -> object:
        """`Translator`, imported when it is first asked for: `import nmt` alone loads no torch."""
        if name == "Translator":
            return import_module("nmt.translate").Translator
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["Translator"]

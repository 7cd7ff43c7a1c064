"""The package ctranslate2, which only export needs: where it is missing, the command that installs it."""

import torch

from nmt.errors import ExportError

try:
    import ctranslate2
except ImportError as error:
    raise ExportError(f"ctranslate2 cannot be imported ({error})", 'pip install "nmt[ctranslate2]"') from error

__all__ = ["compute_type", "ctranslate2"]


def compute_type(kind: str) -> str:
    """What the weights of an export are computed with on a device of this kind: as they are stored, but on processors
    without instructions for 8 bits (VNNI) in float32.

    There, oneDNN adds products of 8-bit numbers in pairs of 16 bits, which overflow; CTranslate2 multiplies with it on
    AMD's processors, and with MKL, which does not, it is slower than in float32.
    """
    return "float32" if kind == "cpu" and not torch.cpu._is_vnni_supported() else "default"

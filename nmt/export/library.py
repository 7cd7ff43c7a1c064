"""The package ctranslate2, which only export needs: where it is missing, the command that installs it; and what it is
to compute with."""

import os
import platform
from pathlib import Path

from nmt.errors import ExportError
from nmt.layers.quantized import quantized, rounding

try:
    import ctranslate2
except ImportError as error:
    raise ExportError(f"ctranslate2 cannot be imported ({error})", 'pip install "nmt[ctranslate2]"') from error

__all__ = ["compute_type", "ctranslate2"]
WIDTH = 1024  # inputs of a layer by which a processor's 8-bit products are judged
PROCESSOR = Path("/proc/cpuinfo")


def compute_type(kind: str, quantization: str) -> str:
    """What an export's weights are computed with on a device of this kind: as they are stored, but in float32 where
    8-bit products would overflow, as oneDNN's do without instructions for them.

    CTranslate2 multiplies with oneDNN but on Intel's processors, where it does so with MKL, as it does elsewhere if
    CT2_USE_MKL says so; 16-bit weights become 8-bit ones where it has no MKL.
    """
    narrow = kind == "cpu" and quantization.startswith(("int8", "int16"))
    return "float32" if narrow and rounding(WIDTH) is not quantized and not _takes_mkl() else "default"


def _takes_mkl() -> bool:
    asked = os.environ.get("CT2_USE_MKL")
    if asked is not None:
        return asked not in ("", "0", "false")
    told = PROCESSOR.read_text(encoding="utf-8") if PROCESSOR.exists() else platform.processor()
    return "GenuineIntel" in told

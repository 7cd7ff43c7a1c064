"""The package ctranslate2, which only export needs: where it is missing, the command that installs it.

On processors without instructions for it (VNNI), products of 8-bit numbers are added in pairs of 16 bits, which
overflow. CTranslate2 knows of that where it multiplies with MKL, and not where it does so with oneDNN, as on AMD's
processors, unless the variable below says otherwise before it is loaded.
"""

import os

import torch

from nmt.errors import ExportError

if not torch.cpu._is_vnni_supported():
    os.environ.setdefault("CT2_USE_MKL", "1")

try:
    import ctranslate2
except ImportError as error:
    raise ExportError(f"ctranslate2 cannot be imported ({error})", 'pip install "nmt[ctranslate2]"') from error

__all__ = ["ctranslate2"]

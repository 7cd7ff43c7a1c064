"""The package ctranslate2, which only export needs: where it is missing, the command that installs it."""

from nmt.errors import ExportError

try:
    import ctranslate2
except ImportError as error:
    raise ExportError(f"ctranslate2 cannot be imported ({error})", 'pip install "nmt[ctranslate2]"') from error

__all__ = ["ctranslate2"]

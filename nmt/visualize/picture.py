"""What every picture shares: fonts for many scripts, plain text, files that appear whole or not at all.

Figures are made from matplotlib's classes and never through pyplot: no window, no state between pictures.
"""

import logging
import re
import warnings
from functools import cache
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from nmt.errors import NmtError
from nmt.storage.files import written_whole

INK = "#222222"
QUIET = "#8a8a8a"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's colours, which people with any colour vision tell apart, without the yellow."""

DATES = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""Kinds of picture by the path's ending, each with the metadata that keeps the clock out of the file."""

GLYPH = re.compile(r"Glyph .* missing from")

FONTS = (
    "DejaVu Sans",  # comes with matplotlib: Latin, Greek, Cyrillic, Arabic, Hebrew, Armenian, Georgian
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Noto Sans CJK SC",
    "Noto Sans CJK KR",
    "Source Han Sans",
    "IPAexGothic",
    "IPAGothic",
    "TakaoGothic",
    "WenQuanYi Micro Hei",
    "Hiragino Sans",
    "PingFang SC",
    "Apple SD Gothic Neo",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Arial Unicode MS",
)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def check_ending(path: Path) -> str:
    """The kind of picture. Raises: NmtError when the path ends in none that can be drawn."""
    ending = path.suffix.lower()
    if ending not in DATES:
        raise NmtError(f"{path}: a picture's name ends in {', '.join(DATES)}", "Choose one of these endings.")
    return ending


def set_text(text: Text, size: float, color: str = INK) -> None:
    """Draw `text` in the first installed font that has its letters, and as it is: `$` starts no formula."""
    text.set(parse_math=False, usetex=False, fontfamily=_installed(), fontsize=size, color=color)


def save(figure: Figure, path: Path, dpi: float) -> None:
    """Write the picture whole or not at all; its ending says the kind.

    Raises: NmtError for another ending, DataError when the file cannot be written.
    """
    ending, content = check_ending(path), BytesIO()
    with warnings.catch_warnings(record=True) as caught, mpl.rc_context({"svg.hashsalt": "nmt"}):
        warnings.filterwarnings("always", message=GLYPH.pattern, category=UserWarning)
        figure.savefig(
            content,
            format=ending[1:],
            dpi=dpi,
            bbox_inches="tight",
            pad_inches=0.12,
            metadata=DATES[ending],
        )
    for warning in caught:
        if GLYPH.match(str(warning.message)):
            _say_that_letters_are_missing()
        else:
            warnings.warn(warning.message, stacklevel=2)
    with written_whole(path) as file:
        file.write(content.getvalue())


@cache
def _installed() -> tuple[str, ...]:
    known = {font.name for font in fontManager.ttflist}
    return tuple(name for name in FONTS if name in known)


@cache
def _say_that_letters_are_missing() -> None:
    logging.getLogger(__name__).warning(
        "some letters are drawn as boxes: no installed font has them (Noto Sans has fonts for most scripts)"
    )

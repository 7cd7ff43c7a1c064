"""Attention as a picture: source words along the top, target words down the side, a darker cell a larger weight."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from unicodedata import category

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from nmt.metrics.alignment import GoldLinks
from nmt.metrics.matrices import AlignmentMatrix
from nmt.visualize.picture import QUIET, check_ending, new_figure, save, set_text

BLUES = LinearSegmentedColormap.from_list(
    "nmt",
    (
        *("#fcfcfc", "#dce7fb", "#bad2fa", "#97bdf6", "#71a9f0", "#4695e6"),
        *("#0482d6", "#036eb7", "#025b98", "#01487b", "#01375f"),
    ),
)
"""One hue (272° in CIELAB); the lightness falls in equal steps from 99 to 22, so equal differences look equal."""

CELL = 0.27  # inches; a line of text of TEXT points is a little lower
TEXT = 10.0  # points
GOLD = "#d55e00"
CONTROLS = ("Cc", "Cs", "Zl", "Zp")  # categories of Unicode
LIMIT = 50  # pictures a file, unless more are asked for
MAX_TOKENS = 150
MAX_LETTERS = 28
MAX_PIXELS = 6000


def draw_heatmap(
    source_tokens: Sequence[str],
    target_tokens: Sequence[str],
    weights_TS: NDArray[np.floating],
    path: Path,
    title: str = "",
    gold_links: GoldLinks | None = None,
) -> None:
    """Draw one sentence's alignment; the path's ending says whether as PNG, SVG or PDF.

    Weights are shown from 0 to 1. Gold links are outlined, sure ones by a full line and possible ones by a dotted
    line. Of longer sentences only the first MAX_TOKENS tokens a side are drawn, and the picture says so.
    Raises: NmtError for an ending that is no picture, DataError when the file cannot be written.
    """
    assert weights_TS.shape == (len(target_tokens), len(source_tokens)), "a row a target token"
    check_ending(path)
    source, target = source_tokens[:MAX_TOKENS], target_tokens[:MAX_TOKENS]
    if len(source) < len(source_tokens) or len(target) < len(target_tokens):
        cut = f"the first {MAX_TOKENS} tokens of {len(source_tokens)} × {len(target_tokens)}"
        title = f"{title} ({cut})" if title else cut
    figure = make_figure(source, target, weights_TS[: len(target), : len(source)], title, gold_links)
    save(figure, path, dpi=min(150.0, MAX_PIXELS / max(figure.get_size_inches())))


def picture_of(directory: Path, number: int) -> Path:
    """Where the picture of a line is, counted from 1."""
    return directory / f"{number:04}.png"


def draw_heatmaps(
    matrices: Iterable[AlignmentMatrix],
    directory: Path,
    gold: Sequence[GoldLinks] | None = None,
    limit: int = LIMIT,
) -> list[Path]:
    """Pictures of the first `limit` lines, `0001.png` being that of line 1; returns their paths.

    A line without words on either side has no picture.
    """
    paths = []
    for number, matrix in enumerate(islice(matrices, limit), 1):
        if matrix.weights_TS.size:
            paths.append(picture_of(directory, number))
            draw_heatmap(*matrix, paths[-1], f"line {number}", gold[number - 1] if gold else None)
    return paths


def make_figure(
    source: Sequence[str],
    target: Sequence[str],
    weights_TS: NDArray[np.floating],
    title: str = "",
    gold_links: GoldLinks | None = None,
) -> Figure:
    """The picture as a matplotlib figure; every cell is a square of CELL inches whatever the sentence's length."""
    width, height = CELL * max(len(source), 1), CELL * max(len(target), 1)
    figure = new_figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    grid = np.array(weights_TS, dtype=np.float64).reshape(len(target), len(source))
    cells = axes.pcolormesh(grid, cmap=BLUES, vmin=0, vmax=1, edgecolors="#e4e4e4", linewidth=0.5)
    axes.set_xlim(0, max(len(source), 1))
    axes.set_ylim(max(len(target), 1), 0)
    _label(axes, source, target)
    if gold_links is not None:
        dotted = _outline(axes, gold_links, len(source), len(target))
        legend = "outlined: gold links" + "; dotted: possible ones" * dotted
        set_text(axes.set_xlabel(legend, loc="left"), TEXT - 2, QUIET)
    if title:
        set_text(axes.set_title(title, loc="left", pad=8), TEXT + 1)
    bar_height = min(height, 2.2)
    bar = figure.add_axes((1 + 0.15 / width, 1 - bar_height / height, 0.12 / width, bar_height / height))
    figure.colorbar(cells, cax=bar, ticks=[0, 0.5, 1] if bar_height > 0.8 else [0, 1])
    bar.tick_params(length=2, color=QUIET)
    bar.spines[:].set_visible(False)
    for label in bar.get_yticklabels():
        set_text(label, TEXT - 2, QUIET)
    return figure


def _label(axes: Axes, source: Sequence[str], target: Sequence[str]) -> None:
    axes.set_xticks(np.arange(len(source)) + 0.5, [_readable(token) for token in source], rotation=60)
    axes.set_yticks(np.arange(len(target)) + 0.5, [_readable(token) for token in target])
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0, pad=3)
    axes.spines[:].set_color(QUIET)
    for label in axes.get_xticklabels():
        label.set(ha="left", va="bottom", rotation_mode="anchor")
        set_text(label, TEXT)
    for label in axes.get_yticklabels():
        set_text(label, TEXT)


def _readable(token: str) -> str:
    """A token on one line: control characters and line ends as their escapes, what is very long cut."""
    visible = "".join(ascii(letter)[1:-1] if category(letter) in CONTROLS else letter for letter in token)
    return visible if len(visible) <= MAX_LETTERS else visible[: MAX_LETTERS - 1] + "…"


def _outline(axes: Axes, gold_links: GoldLinks, columns: int, rows: int) -> bool:
    """Squares a little inside their cells, so that neighbours stay apart; whether any of them is dotted."""
    drawn = {(i, j) for i, j in gold_links.possible if i < columns and j < rows}
    for i, j in sorted(drawn):
        style = "-" if (i, j) in gold_links.sure else ":"
        axes.add_patch(Rectangle((i + 0.08, j + 0.08), 0.84, 0.84, fill=False, ec=GOLD, lw=1.6, ls=style))
    return not drawn <= gold_links.sure

"""Pictures of measurements: panels side by side, with a line through the points of each series."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from nmt.visualize.curves import DPI, MARKERS, TEXT, add_line, finish
from nmt.visualize.picture import PALETTE, new_figure, save, set_text

CROWDED = 1000  # across so wide a range, or wider, powers of ten alone have room for their numbers
Points = Sequence[tuple[float, float]]


class Panel(NamedTuple):
    """One pair of axes: its title, what its axes count, its lines by name, dotted lines that go with them, and levels
    that it marks."""

    title: str
    across: str
    up: str
    lines: Mapping[str, Points]
    dotted: Mapping[str, Points] = {}
    levels: Sequence[float] = ()
    logarithmic: bool = False


def draw(panels: Sequence[Panel], output: Path, width: float = 5.6, height: float = 3.6, columns: int = 2) -> None:
    """Write a picture of the panels, row by row."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(width * columns, height * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, panel in zip(axes, panels, strict=False):
        fill(place, panel)
    for place in axes[len(panels) :]:
        place.remove()
    figure.tight_layout()
    output.parent.mkdir(parents=True, exist_ok=True)
    save(figure, output, DPI)


def fill(axes: Axes, panel: Panel) -> None:
    """Draw a panel's lines, levels and texts."""
    for number, (name, points) in enumerate(panel.lines.items()):
        color = PALETTE[number % len(PALETTE)]
        add_line(axes, points, name, color, MARKERS[number % len(MARKERS)])
        if name in panel.dotted:
            axes.plot(*zip(*panel.dotted[name], strict=True), color=color, linewidth=1.2, linestyle=":")
    for level in panel.levels:
        axes.axhline(level, color=PALETTE[-1], linewidth=0.6, linestyle=":")
    if panel.logarithmic:
        axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            low, high = axis.get_view_interval()
            axis.set_major_locator(LogLocator(subs=(1.0, 3.0) if high < CROWDED * low else (1.0,), numticks=20))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
            axis.set_minor_formatter(NullFormatter())
    finish(axes, panel.across, panel.up)
    set_text(axes.set_title(panel.title, loc="left"), TEXT + 1)

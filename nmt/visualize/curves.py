"""Lines over time and over length: a run's learning curves, and systems compared by sentence length."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nmt.data.corpus import read_lines
from nmt.errors import DataError
from nmt.metrics.bleu import Bucket
from nmt.storage.json_source import parse_json
from nmt.visualize.picture import INK, PALETTE, QUIET, check_ending, new_figure, save, set_text

TEXT = 10.0  # points
DPI = 150.0
MARKERS = "osD^vPX"
LOSSES = ("nll", "loss")  # the first that an event has: nll is without label smoothing
SCORES = {"bleu": "BLEU", "chrf": "chrF"}

Event = Mapping[str, Any]


def draw_curves(metrics_path: Path, output: Path) -> None:
    """A run's loss and validation scores over its updates, from its metrics.jsonl.

    Raises: NmtError for an ending that is no picture; DataError for a line that is no event (file and line) and for
    a file without a training or validation event.
    """
    check_ending(output)
    events = read_events(metrics_path)
    if not any(event.get("event") in {"train", "validation"} for event in events):
        raise DataError(f"{metrics_path}: no training or validation event", "Curves begin with the first one.")
    save(make_curves(events), output, DPI)


def read_events(path: Path) -> list[Event]:
    """The objects of a metrics.jsonl. Raises: DataError with file and line for one without a step."""
    events: list[Event] = []
    for number, line in enumerate(read_lines(path), 1):
        try:
            event = parse_json(line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: not JSON ({error})") from error
        if not isinstance(event, dict) or not isinstance(event.get("step"), int):
            raise DataError(f"{path}:{number}: not an event: a JSON object with the number of its step")
        events.append(event)
    return events


def make_curves(events: Sequence[Event]) -> Figure:
    """The learning curves as a matplotlib figure: loss above, validation scores below where there are any."""
    train = [event for event in events if event.get("event") == "train"]
    valid = [event for event in events if event.get("event") == "validation"]
    average = [event for event in valid if event.get("checkpoint") == "average"]
    steps = [event for event in valid if event.get("checkpoint") != "average"]
    scores = [name for name in SCORES if _points(valid, (name,))]
    figure = new_figure(7.5, 5.6 if scores else 3.2)
    panels = figure.subplots(2 if scores else 1, 1, sharex=True, squeeze=False)[:, 0]
    add_line(panels[0], _points(train, LOSSES), "training", PALETTE[0])
    add_line(panels[0], _points(steps, LOSSES), "validation", PALETTE[1], "o")
    for number, name in enumerate(scores):
        add_line(panels[1], _points(steps, (name,)), SCORES[name], PALETTE[1 + number], MARKERS[number])
        add_line(panels[1], _points(average, (name,)), f"{SCORES[name]}, averaged", PALETTE[1 + number], "*")
    for panel, title in zip(panels, ("loss (nats per piece)", "validation score"), strict=False):
        finish(panel, "", title)
    finish(panels[-1], "updates", panels[-1].get_ylabel())
    figure.align_ylabels()
    return figure


def _points(events: Sequence[Event], names: Sequence[str]) -> list[tuple[float, float]]:
    """(step, value) of every event that has a number under one of the names: the first of them that it has."""
    found = ((event["step"], next(filter(_is_number, map(event.get, names)), None)) for event in events)
    return [(step, value) for step, value in found if value is not None]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def draw_bleu_by_length(
    systems: Mapping[str, Sequence[Bucket]],
    output: Path,
    title: str = "",
    length: str = "source length (words)",
    variants: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """One line a system: BLEU of the sentences of each length, with the number of sentences below it. The line of a
    variant is broken, and has the colour of the system that `variants` names for it.

    Raises: NmtError for an ending that is no picture, DataError when the file cannot be written.
    """
    check_ending(output)
    save(make_bleu_by_length(systems, title, length, variants), output, DPI)


def make_bleu_by_length(
    systems: Mapping[str, Sequence[Bucket]],
    title: str = "",
    length: str = "source length (words)",
    variants: Mapping[str, str] = MappingProxyType({}),
) -> Figure:
    """The comparison as a matplotlib figure. All systems have the same buckets: those of `bleu_by_length`."""
    buckets = next(iter(systems.values()))
    assert all([b[:3] for b in line] == [b[:3] for b in buckets] for line in systems.values()), "the same buckets"
    figure = new_figure(7.5, 4.4)
    axes = figure.subplots()
    numbers = {name: number for number, name in enumerate(one for one in systems if one not in variants)}
    for name, line in systems.items():
        points = [(place, bucket.bleu) for place, bucket in enumerate(line) if bucket.bleu is not None]
        turn, number = divmod(numbers[variants.get(name, name)], len(PALETTE))
        add_line(axes, points, name, PALETTE[number], MARKERS[number], "--" if turn or name in variants else "-")
    labels = [f"{bucket.label}\n({bucket.sentences})" for bucket in buckets]
    axes.set_xticks(range(len(buckets)), labels)
    finish(axes, f"{length}; in brackets the number of sentences", "BLEU")
    axes.set_ylim(bottom=0)
    if title:
        set_text(axes.set_title(title, loc="left"), TEXT + 1)
    return figure


def add_line(
    axes: Axes, points: Sequence[tuple[float, float]], label: str, color: str, marker: str = "", dashes: str = "-"
) -> None:
    """A line through the points; those of the star marker stand for themselves."""
    if points:
        steps, values = zip(*points, strict=True)
        (line,) = axes.plot(steps, values, label=label, color=color, linewidth=1.6, marker=marker, linestyle=dashes)
        line.set(markersize=7, markeredgecolor="white")
        if marker == "*":
            line.set(markersize=13, linestyle="")


def finish(axes: Axes, x_title: str, y_title: str) -> None:
    """Axis titles, a quiet grid, and the legend beside the lines, where it hides none."""
    axes.grid(color="#e8e8e8", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    if axes.get_legend_handles_labels()[1]:
        legend = axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
        for text in legend.get_texts():
            set_text(text, TEXT)
    set_text(axes.set_xlabel(x_title), TEXT)
    set_text(axes.set_ylabel(y_title), TEXT)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        set_text(label, TEXT - 1, INK)

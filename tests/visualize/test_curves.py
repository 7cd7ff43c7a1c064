import json

import pytest
from matplotlib.colors import to_hex
from matplotlib.image import imread

from nmt.errors import DataError, NmtError
from nmt.metrics.bleu import Bucket
from nmt.visualize.curves import draw_bleu_by_length, draw_curves, make_bleu_by_length, make_curves, read_events

EVENTS = [
    {"event": "train", "step": 10, "loss": 6.0, "nll": 5.0, "learning_rate": 1e-3, "tokens_per_second": 900.0},
    {"event": "train", "step": 20, "loss": 5.0, "nll": 4.0, "learning_rate": 1e-3, "tokens_per_second": 900.0},
    {"event": "validation", "step": 20, "checkpoint": "step-20", "loss": 4.5, "bleu": 3.0, "chrf": 20.0},
    {"event": "train", "step": 30, "loss": 4.0, "nll": 3.0, "learning_rate": 1e-3, "tokens_per_second": 900.0},
    {"event": "validation", "step": 30, "checkpoint": "step-30", "loss": 3.5, "bleu": 9.0, "chrf": 30.0},
    {"event": "validation", "step": 30, "checkpoint": "average", "loss": 3.4, "bleu": 9.5, "chrf": 31.0},
]
FIRST = [Bucket(0, 10, 60, 30.0), Bucket(10, 20, 30, 20.0), Bucket(20, None, 10, 5.0)]
SECOND = [Bucket(0, 10, 60, 31.0), Bucket(10, 20, 30, None), Bucket(20, None, 10, 28.0)]


def lines_of(axes):
    """Label → points of every line."""
    return {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}


def write(path, events):
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_losses_of_training_and_validation_are_lines_over_updates():
    loss, _ = make_curves(EVENTS).axes
    assert lines_of(loss) == {
        "training": [[10, 5.0], [20, 4.0], [30, 3.0]],
        "validation": [[20, 4.5], [30, 3.5]],
    }
    assert loss.get_ylabel() == "loss (nats per piece)"


def test_scores_are_lines_and_the_average_a_point_of_its_own():
    scores = make_curves(EVENTS).axes[1]
    assert lines_of(scores) == {
        "BLEU": [[20, 3.0], [30, 9.0]],
        "BLEU, averaged": [[30, 9.5]],
        "chrF": [[20, 20.0], [30, 30.0]],
        "chrF, averaged": [[30, 31.0]],
    }
    assert (scores.get_xlabel(), scores.get_ylabel()) == ("updates", "validation score")


def test_a_run_without_scores_has_one_panel():
    (loss,) = make_curves([{"event": "train", "step": 10, "loss": 6.0}]).axes
    assert lines_of(loss) == {"training": [[10, 6.0]]}
    assert loss.get_xlabel() == "updates"


def test_every_line_stands_in_the_legend():
    for axes in make_curves(EVENTS).axes:
        assert [text.get_text() for text in axes.get_legend().get_texts()] == list(lines_of(axes))


def test_the_picture_is_written_from_the_file(tmp_path):
    draw_curves(write(tmp_path / "metrics.jsonl", EVENTS), tmp_path / "plots" / "curves.png")
    assert imread(tmp_path / "plots" / "curves.png").shape[2] == 4


@pytest.mark.parametrize(("line", "reason"), [("{", "not JSON"), ("3", "not an event"), ('{"a": 1}', "not an event")])
def test_a_line_that_is_no_event_is_an_error_with_file_and_line(tmp_path, line, reason):
    path = write(tmp_path / "metrics.jsonl", EVENTS[:1])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError, match=rf"metrics\.jsonl:2: {reason}"):
        read_events(path)


def test_a_run_that_has_not_begun_has_no_curves(tmp_path):
    path = write(tmp_path / "metrics.jsonl", [])
    with pytest.raises(DataError, match=r"metrics\.jsonl: no training or validation event"):
        draw_curves(path, tmp_path / "curves.png")


def test_every_system_is_a_line_over_the_buckets_that_have_sentences():
    (axes,) = make_bleu_by_length({"rnn": FIRST, "transformer": SECOND}, "test set").axes
    assert lines_of(axes) == {"rnn": [[0, 30], [1, 20], [2, 5]], "transformer": [[0, 31], [2, 28]]}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1–10\n(60)", "11–20\n(30)", "> 20\n(10)"]
    assert axes.get_title(loc="left") == "test set"


def test_systems_differ_in_colour_and_in_marker():
    (axes,) = make_bleu_by_length({f"model {number}": FIRST for number in range(7)}).axes
    assert len({to_hex(line.get_color()) for line in axes.get_lines()}) == 7
    assert len({line.get_marker() for line in axes.get_lines()}) == 7


def test_more_systems_than_colours_differ_in_how_their_lines_are_broken():
    (axes,) = make_bleu_by_length({f"model {number}": FIRST for number in range(8)}).axes
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.get_lines()}) == 8


def test_a_variant_has_its_system_s_colour_and_a_broken_line():
    figure = make_bleu_by_length(dict.fromkeys(("a", "b", "a longer"), FIRST), variants={"a longer": "a"})
    first, second, variant = figure.axes[0].lines
    assert first.get_color() == variant.get_color() != second.get_color()
    assert [line.get_linestyle() for line in (first, second, variant)] == ["-", "-", "--"]


def test_the_axes_say_what_they_measure_and_bleu_starts_at_zero():
    (axes,) = make_bleu_by_length({"rnn": FIRST}).axes
    assert axes.get_xlabel() == "source length (words); in brackets the number of sentences"
    assert (axes.get_ylabel(), axes.get_ylim()[0]) == ("BLEU", 0)


def test_the_comparison_is_written(tmp_path):
    draw_bleu_by_length({"rnn": FIRST}, tmp_path / "length.svg", "$5")
    assert "<!-- $5 -->" in (tmp_path / "length.svg").read_text()
    with pytest.raises(NmtError, match="a picture's name ends in"):
        draw_bleu_by_length({"rnn": FIRST}, tmp_path / "length")

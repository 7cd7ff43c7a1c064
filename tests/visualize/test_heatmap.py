import logging
import warnings
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.font_manager import FontProperties
from matplotlib.image import imread
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from nmt.errors import DataError, NmtError
from nmt.metrics.alignment import GoldLinks
from nmt.metrics.matrices import AlignmentMatrix
from nmt.visualize import picture
from nmt.visualize.heatmap import BLUES, GOLD, MAX_TOKENS, draw_heatmap, draw_heatmaps, make_figure

SOURCE, TARGET = ["das", "alte", "Haus"], ["the", "old"]
WEIGHTS = np.array([[0.8, 0.2, 0.0], [0.1, 0.3, 0.6]])


def axes_of(*arguments):
    """The heatmap's axes, drawn, so that every artist has its final text and colour."""
    figure = make_figure(*arguments)
    figure.canvas.draw()
    return figure.axes[0]


def lightness(red, green, blue):
    """CIE L* of an sRGB colour (0…1 a channel), from the definition."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    luminance = float(np.dot(channels, [0.2126, 0.7152, 0.0722]))
    return 116 * luminance ** (1 / 3) - 16 if luminance > (6 / 29) ** 3 else luminance * (29 / 3) ** 3


def cell_colours(path, axes, rows, columns):
    """The pixel in the middle of every cell of a PNG that was saved at the figure's own size."""
    axes.figure.savefig(path, dpi=100)
    pixels = imread(path)
    height, width = pixels.shape[:2]
    return [
        [pixels[int((t + 0.5) * height / rows), int((s + 0.5) * width / columns), :3] for s in range(columns)]
        for t in range(rows)
    ]


def test_a_larger_weight_is_a_darker_pixel(tmp_path):
    colours = cell_colours(tmp_path / "a.png", axes_of(SOURCE, TARGET, WEIGHTS), 2, 3)
    light = np.array([[lightness(*colour) for colour in row] for row in colours])
    assert np.argsort(light.ravel()).tolist() == np.argsort(-WEIGHTS.ravel()).tolist()


def test_a_pixel_has_the_colour_that_the_bar_gives_its_weight(tmp_path):
    colours = cell_colours(tmp_path / "a.png", axes_of(SOURCE, TARGET, WEIGHTS), 2, 3)
    assert to_hex(colours[0][2]) == to_hex(BLUES(0.0))
    np.testing.assert_allclose(colours[1][2], BLUES(0.6)[:3], atol=1 / 255)


def test_equal_steps_of_weight_are_equal_steps_of_lightness():
    light = [lightness(*BLUES(weight)[:3]) for weight in np.linspace(0, 1, 11)]
    np.testing.assert_allclose(np.diff(light), -7.7, atol=0.6)


def test_the_colour_bar_goes_from_zero_to_one_whatever_the_weights():
    figure = make_figure(SOURCE, TARGET, WEIGHTS / 10)
    figure.canvas.draw()
    assert figure.axes[1].get_ylim() == (0, 1)


def test_source_words_stand_above_and_target_words_at_the_side():
    axes = axes_of(SOURCE, TARGET, WEIGHTS)
    assert [label.get_text() for label in axes.get_xticklabels()] == SOURCE
    assert [label.get_text() for label in axes.get_yticklabels()] == TARGET
    top = axes.get_window_extent().y1
    assert all(label.get_window_extent().y0 >= top for label in axes.get_xticklabels())


def test_the_first_target_word_is_the_upper_row():
    first, second = axes_of(SOURCE, TARGET, WEIGHTS).get_yticklabels()
    assert first.get_window_extent().y0 > second.get_window_extent().y1


def test_labels_do_not_overlap_in_a_sentence_of_forty_words():
    words = [f"Donaudampfschiff{number}" for number in range(40)]
    labels = axes_of(words, words, np.eye(40)).get_yticklabels()
    boxes = [label.get_window_extent() for label in labels]
    assert all(lower.y1 <= upper.y0 for upper, lower in pairwise(boxes))


def test_gold_links_are_outlined_and_possible_ones_dotted():
    gold = GoldLinks(frozenset({(0, 0)}), frozenset({(0, 0), (2, 1), (7, 7)}))
    axes = axes_of(SOURCE, TARGET, WEIGHTS, "", gold)
    squares = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    centres = [square.get_center() for square in squares]
    np.testing.assert_allclose(centres, [(0.5, 0.5), (2.5, 1.5)])
    assert [square.get_linestyle() for square in squares] == ["-", ":"]
    assert {to_hex(square.get_edgecolor()) for square in squares} == {GOLD}


def test_the_legend_speaks_of_dotted_squares_where_there_are_any():
    sure, outside = frozenset({(0, 0)}), frozenset({(0, 0), (7, 7)})
    legends = [
        axes_of(SOURCE, TARGET, WEIGHTS, "", GoldLinks(sure, possible)).get_xlabel()
        for possible in (sure, outside, frozenset({(0, 0), (2, 1)}))
    ]
    assert legends == [*["outlined: gold links"] * 2, "outlined: gold links; dotted: possible ones"]


def test_dollars_and_other_marks_are_drawn_as_they_are(tmp_path):
    tokens = ["$5", "$x_1$", r"\frac", "a^2", "%", "#", "&"]
    axes = axes_of(tokens, tokens, np.eye(7), "$title$")
    assert [label.get_text() for label in axes.get_xticklabels()] == tokens
    texts = [text for text in axes.findobj(Text) if text.get_text() and text.get_visible()]
    assert {text.get_text() for text in texts} == {*tokens, "$title$"}
    assert not any(text.get_parse_math() for text in texts)
    draw_heatmap(tokens, tokens, np.eye(7), tmp_path / "a.png", "$title$")


def test_what_cannot_be_printed_is_escaped_and_what_is_very_long_is_cut():
    tokens = ["a\u2028b", "\x07", "x" * 200, "می\u200cخواهم"]
    labels = axes_of(tokens, ["y"], np.ones((1, 4)) / 4).get_xticklabels()
    assert [label.get_text() for label in labels] == [r"a\u2028b", r"\x07", "x" * 27 + "…", tokens[3]]


def test_letters_without_a_font_are_boxes_and_one_message(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(picture, "_installed", lambda: ("DejaVu Sans",))
    picture._say_that_letters_are_missing.cache_clear()
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_heatmap(["日本", "語"], ["猫"], np.ones((1, 2)) / 2, tmp_path / "a.png")
        draw_heatmap(["彼"], ["猫"], np.ones((1, 1)), tmp_path / "b.png")
    assert [record.getMessage()[:33] for record in caplog.records] == ["some letters are drawn as boxes: "]


def test_other_warnings_of_the_drawing_are_passed_on(tmp_path, monkeypatch):
    figure = make_figure(SOURCE, TARGET, WEIGHTS)
    monkeypatch.setattr(type(figure), "savefig", lambda *_, **__: warnings.warn("something else", stacklevel=1))
    with pytest.warns(UserWarning, match="something else"):
        picture.save(figure, tmp_path / "a.png", 100)


def test_arabic_has_its_letters_in_the_font_that_comes_with_matplotlib(tmp_path, caplog):
    picture._say_that_letters_are_missing.cache_clear()
    draw_heatmap(["قطة", "שלום"], ["кошка"], np.ones((1, 2)) / 2, tmp_path / "a.png")
    assert not caplog.records


def test_fonts_asked_for_are_fonts_that_are_there():
    text = axes_of(SOURCE, TARGET, WEIGHTS).get_xticklabels()[0]
    assert text.get_fontfamily()[0] == "DejaVu Sans"
    for family in text.get_fontfamily():
        assert picture.fontManager.findfont(FontProperties(family=family), fallback_to_default=False)


def test_a_very_long_sentence_is_drawn_in_part_and_says_so(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("nmt.visualize.heatmap.save", lambda figure, *_, **__: drawn.append(figure.axes[0]))
    draw_heatmap(["x"] * 10_000, ["y"], np.zeros((1, 10_000)), tmp_path / "a.png", "line 3")
    assert drawn[0].get_title(loc="left") == "line 3 (the first 150 tokens of 10000 × 1)"
    assert len(drawn[0].get_xticks()) == MAX_TOKENS


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_equal_weights_make_equal_files_of_every_kind(tmp_path, ending):
    for name in ("a", "b"):
        draw_heatmap(SOURCE, TARGET, WEIGHTS, tmp_path / f"{name}.{ending}")
    first, second = ((tmp_path / f"{name}.{ending}").read_bytes() for name in "ab")
    assert first == second
    assert first[:4] in (b"\x89PNG", b"<?xm", b"%PDF")


def test_an_svg_holds_the_words(tmp_path):
    draw_heatmap(SOURCE, TARGET, WEIGHTS, tmp_path / "a.svg")
    svg = (tmp_path / "a.svg").read_text()
    assert all(f"<!-- {word} -->" in svg for word in SOURCE + TARGET)


def test_an_ending_that_is_no_picture_is_an_error(tmp_path):
    with pytest.raises(NmtError, match=r"a\.txt: a picture's name ends in \.png, \.svg, \.pdf"):
        draw_heatmap(SOURCE, TARGET, WEIGHTS, tmp_path / "a.txt")


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file/a\.png: cannot be written"):
        draw_heatmap(SOURCE, TARGET, WEIGHTS, tmp_path / "file" / "a.png")


@pytest.mark.parametrize(("source", "target"), [([], []), (["a"], []), ([], ["b"]), (["a"], ["b"])])
def test_the_smallest_sentences_are_drawn(tmp_path, source, target):
    draw_heatmap(source, target, np.zeros((len(target), len(source))), tmp_path / "a.png", "line 1")
    assert imread(tmp_path / "a.png").ndim == 3


def test_pictures_are_numbered_as_lines_and_limited(tmp_path):
    word, blank = AlignmentMatrix(("a",), ("b",), np.ones((1, 1))), AlignmentMatrix((), (), np.zeros((0, 0)))
    paths = draw_heatmaps([word, blank, word, word], tmp_path / "new", limit=3)
    assert paths == [tmp_path / "new" / "0001.png", tmp_path / "new" / "0003.png"]
    assert sorted((tmp_path / "new").iterdir()) == paths

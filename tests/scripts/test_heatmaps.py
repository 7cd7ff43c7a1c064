"""The pictures of where a model looks: over which source, in which colours, and in which order."""

from pathlib import Path

import numpy as np
import pytest
from experiments import heatmaps
from models import build, rnn
from PIL import Image

from nmt.attention.sources import Sources
from nmt.cli.results import aligned_words
from nmt.data.inputs import Inputs
from nmt.search import Greedy
from nmt.text.listed import Word
from nmt.text.tokenizers import train_tokenizers
from nmt.translate import Translator
from nmt.visualize.heatmap import BLUES


def test_a_picture_in_few_colours_has_no_bands_and_stays_what_it_was() -> None:
    scale = (BLUES(np.linspace(0, 1, 256))[None, :, :3] * 255).round().astype(np.uint8)
    own = np.concatenate([scale, np.full_like(scale, 255), np.zeros_like(scale)])
    few = np.asarray(heatmaps.in_few_colours(Image.fromarray(own)).convert("RGB"))
    assert np.abs(few.astype(int) - own).max() <= 3
    assert len(np.unique(few[0], axis=0)) > 150


def test_pictures_are_joined_row_by_row_each_on_the_foot_of_its_row(tmp_path: Path) -> None:
    greys = {"0": (30, 60), "60": (30, 30), "120": (30, 60), "180": (30, 30)}
    for grey, size in greys.items():
        Image.new("RGB", size, (int(grey),) * 3).save(tmp_path / f"{grey}.png")
    heatmaps.join(
        [[tmp_path / "0.png", tmp_path / "60.png"], [tmp_path / "120.png", tmp_path / "180.png"]], tmp_path / "all.png"
    )
    whole = np.asarray(Image.open(tmp_path / "all.png").convert("L"))
    assert whole.shape == (80, 40)
    found = [whole[y, x] for x, y in ((10, 20), (30, 5), (30, 30), (10, 60), (30, 45), (30, 75))]
    np.testing.assert_allclose(found, [0, 255, 60, 120, 255, 180], atol=4)


@pytest.fixture
def translator() -> Translator:
    """Of three sources that are read by one encoder; the attentions over the first two are equal."""
    tokenizers = train_tokenizers(Word.Options(), ["a b c d e f g h"], [], seed=1)
    shape = rnn() | {"sources": {"combine": "concat", "shared_encoder": True}}
    model = build(shape, vocabulary=len(tokenizers.target.vocabulary)).float()
    (sources,) = (part for part in model.modules() if isinstance(part, Sources))
    sources.attentions[1].load_state_dict(sources.attentions[0].state_dict())
    return Translator(model, tokenizers, Greedy.Options(), 30, Inputs(texts=3))


def test_the_weights_over_the_first_source_are_those_that_alignments_show(translator: Translator) -> None:
    row, target = ("a b c", "d e", "f"), "f g"
    found = heatmaps.looked_at(translator, row, target)
    (shown,) = aligned_words(translator.align([row], [target]), translator.tokenizers)
    assert found[:2] == (("a", "b", "c"), ("f", "g"))
    np.testing.assert_array_equal(found.weights_TS, shown.weights_TS)


def test_equal_attentions_look_at_equal_sources_alike(translator: Translator) -> None:
    first, second = (heatmaps.looked_at(translator, ("a b c", "a b c", "d"), "f g", place) for place in range(2))
    assert first[:2] == second[:2]
    np.testing.assert_allclose(second.weights_TS, first.weights_TS, atol=1e-6)


def test_the_second_source_has_columns_of_its_own_and_is_looked_at_for_once(translator: Translator) -> None:
    found = heatmaps.looked_at(translator, ("a b c", "d e f g", "h"), "f g", 1)
    assert (found.source, found.weights_TS.shape) == (("d", "e", "f", "g"), (2, 4))
    with heatmaps.weights_over(translator, 1) as seen:
        pass
    translator.align([("a", "b", "c")], ["c"])
    assert seen == []

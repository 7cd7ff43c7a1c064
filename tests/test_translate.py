"""From lines to lines with small random models: what comes out does not depend on how it was computed."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from models import build, rnn, transformer

import nmt
import nmt.translate
from nmt.data.inputs import Inputs
from nmt.decoders.base import Want
from nmt.errors import ConfigError
from nmt.search import Beam, Greedy, Hypothesis
from nmt.segments import Segment
from nmt.text.listed import Word
from nmt.text.tokenizers import train_tokenizers
from nmt.text.vocabulary import UNKNOWN
from nmt.translate import Decoding, Translated, Translator, join

BEAM = Beam.Options(beam_size=3)
ATTENTIVE = {
    "bahdanau": rnn(),
    "luong": rnn({"score": "scaled_dot", "heads": 2}, query="current", input_feeding=True),
    "transformer": transformer(),
}
SHAPES = {**ATTENTIVE, "sutskever": rnn({"name": "none"})}


def translator(shape="bahdanau", max_length=30, search=BEAM):
    """A random model that reads and writes the words a…h."""
    tokenizers = train_tokenizers(Word.Options(), ["a b c d e f g h"], [], seed=1)
    model = build(SHAPES[shape], vocabulary=len(tokenizers.target.vocabulary)).float()
    return Translator(model, tokenizers, search, max_length)


def copier(output):
    """The same, but all that it writes are copies, and a line may hold any words."""
    tokenizers = train_tokenizers(Word.Options(), ["a b c d e f g h"], [], seed=1)
    model = build({**rnn(query="current"), "output": output}, vocabulary=12).float()
    if output == "copy":
        torch.nn.init.constant_(model.output.gate.bias, -1e4)
    return Translator(model, tokenizers, BEAM, 30, Inputs(copying=True))


def random_lines(count, seed=3):
    chance = np.random.default_rng(seed)
    return [" ".join(chance.choice(list("abcdefgh"), size=chance.integers(1, 13))) for _ in range(count)]


def same(one, other):
    """Whether two translations are the same, scores and weights within 1e-5."""
    assert one.source_pieces == other.source_pieces
    assert [hypothesis.pieces for hypothesis in one.hypotheses] == [
        hypothesis.pieces for hypothesis in other.hypotheses
    ]
    for left, right in zip(one.hypotheses, other.hypotheses, strict=True):
        assert (left.text, left.score, left.log_prob) == (
            right.text,
            pytest.approx(right.score, abs=1e-5),
            pytest.approx(right.log_prob, abs=1e-5),
        )
        if right.alignment_TS is not None:
            np.testing.assert_allclose(left.alignment_TS, right.alignment_TS, atol=1e-5)


# ---- lines


def test_every_line_gives_one_and_a_blank_one_an_empty_one():
    lines = translator().translate(["", "a b", " \t ", "c", ""])
    assert [bool(line) for line in lines] == [False, True, False, True, False]


def test_a_blank_line_has_no_hypotheses():
    (translation,) = translator().translate_lines([" "], Decoding(BEAM, want=Want()))
    assert translation == (" ", (), (), 0, ())


def test_no_lines_give_none():
    assert translator().translate([]) == []


@pytest.mark.parametrize("output", ["copy", "pointer"])
def test_words_that_the_vocabulary_lacks_come_out_as_they_are_written(output):
    lines = ["Zzyzx a Qux!", "b <unk> Zzyzx", "c d", "Łódź"]
    found = copier(output).translate_lines(lines, Decoding(BEAM, n_best=3))
    written = [{word for other in line.hypotheses for word in other.text.split()} for line in found]
    assert all(words <= set(line.split()) for words, line in zip(written, lines, strict=True))
    assert all(words - set("abcdefgh") for words in (written[0], written[1], written[3]))


def test_forced_probabilities_of_copies_are_the_weights_of_their_places():
    (aligned,) = copier("pointer").align(["a Zzyzx b"], ["Zzyzx b"])
    places = aligned.weights_TS[[0, 1, 2], [1, 2, 3]]  # Zzyzx, b and the end
    assert aligned.log_prob == pytest.approx(float(np.log(places).sum()), abs=1e-5)


def test_a_line_of_ten_thousand_words_is_one_line():
    line = " ".join(["a", "b", "c", "d"] * 2500)
    (translation,) = translator("sutskever", 128).translate_lines([line], Decoding(Greedy.Options(), max_length=9))
    assert len(translation.source_pieces) == 10_000
    assert translation.num_segments == 79  # of at most 127 pieces and the end of the sentence
    assert "\n" not in translation.text


def test_a_line_longer_than_the_encoder_can_take_is_split():
    tokenizers = train_tokenizers(Word.Options(), ["a b c d e f g h"], [], seed=1)
    learned = transformer(positions={"name": "learned", "max_positions": 6})
    model = Translator(build(learned, vocabulary=len(tokenizers.target.vocabulary)).float(), tokenizers, BEAM, 30)
    (translation,) = model.translate_lines([" ".join("abcdefgh" * 2)])
    assert translation.num_segments == 4  # of at most 5 pieces and the end of the sentence


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_size_and_order_of_lines_change_nothing(shape):
    lines = random_lines(64)
    order = np.random.default_rng(1).permutation(64)
    model = translator(shape)
    alone = list(model.translate_lines(lines, Decoding(BEAM, n_best=2, want=Want(), batch_tokens=1)))
    shuffled = [lines[number] for number in order]
    together = list(model.translate_lines(shuffled, Decoding(BEAM, n_best=2, want=Want(), batch_tokens=64 * 13)))
    for place, number in enumerate(order):
        same(together[place], alone[number])


@pytest.mark.parametrize(
    ("search", "given", "expected"),
    [
        (Greedy.Options(), None, 6144),
        (Beam.Options(beam_size=2), None, 5120),
        (Beam.Options(beam_size=5), None, 2048),
        (Beam.Options(beam_size=1000), None, 10),
        (Beam.Options(beam_size=5), 0, 0),
        (Greedy.Options(), 96, 96),
        (Beam.Options(beam_size=5), 8192, 8192),
    ],
)
def test_a_batch_is_as_large_as_asked_for_or_the_smaller_the_larger_the_beam(search, given, expected):
    assert Decoding(search, batch_tokens=given).source_tokens == expected


def test_threads_share_a_text_out(monkeypatch):
    """600 lines of a piece and the end, two threads: batches of 512 tokens, 256 lines, the first and last for one."""
    model, shares = translator(), []

    def searched(texts, decoding):
        shares.append([len(parts) for parts in texts])
        return [[] for parts in texts for _ in parts]

    monkeypatch.setattr(model, "_search", searched)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert len(model.translate(["a"] * 600)) == 600
    assert sorted(shares) == [[256], [256, 88]]


def test_the_borders_of_chunks_do_not_show(monkeypatch):
    lines, model = ["", *random_lines(9), " "], translator()
    whole = model.translate(lines)
    monkeypatch.setattr(nmt.translate, "CHUNK", 4)
    assert model.translate(lines) == whole


def test_lines_are_read_a_chunk_at_a_time(monkeypatch):
    monkeypatch.setattr(nmt.translate, "CHUNK", 4)
    lines = iter(random_lines(9))
    translations = translator().translate_lines(lines)
    assert next(translations).source == random_lines(9)[0]
    assert len(list(lines)) == 5


# ---- hypotheses


def test_hypotheses_are_different_and_best_first():
    (translation,) = translator().translate_lines(["a b c"], Decoding(BEAM, n_best=3))
    scores = [hypothesis.score for hypothesis in translation.hypotheses]
    assert len({hypothesis.pieces for hypothesis in translation.hypotheses}) == 3
    assert scores == sorted(scores, reverse=True)
    assert translation.text == translator().translate(["a b c"])[0]


def test_the_longest_target_can_be_set():
    (translation,) = translator().translate_lines(["a b c"], Decoding(BEAM, n_best=3, max_length=2))
    assert all(len(hypothesis.pieces) + 1 <= 2 for hypothesis in translation.hypotheses)


@pytest.mark.parametrize("shape", ATTENTIVE)
def test_the_parts_of_a_long_line_are_joined(shape):
    decoding = Decoding(BEAM, n_best=2, want=Want())
    model = translator(shape, max_length=5)
    (whole,) = model.translate_lines(["a b c d e f g"], decoding)
    ranked = zip(*(part.hypotheses for part in model.translate_lines(["a b c d", "e f g"], decoding)), strict=True)
    for joined, (one, two) in zip(whole.hypotheses, ranked, strict=True):
        assert joined.text.split() == [*one.text.split(), *two.text.split()]
        assert joined.score == pytest.approx(one.score + two.score, abs=1e-5)
        assert joined.log_prob == pytest.approx(one.log_prob + two.log_prob, abs=1e-5)


@pytest.mark.parametrize("shape", ATTENTIVE)
def test_the_alignment_of_a_long_line_is_block_diagonal(shape):
    model, decoding = translator(shape, max_length=5), Decoding(BEAM, want=Want())
    (whole,) = model.translate_lines(["a b c d e f g"], decoding)
    one, two = (part.hypotheses[0] for part in model.translate_lines(["a b c d", "e f g"], decoding))
    above = one.alignment_TS[:-1, :-1]  # the end of the sentence stands once, last
    corners = np.zeros((len(one.pieces), 4)), np.zeros((len(two.pieces) + 1, 4))
    expected = np.block([[above, corners[0]], [corners[1], two.alignment_TS]])
    assert whole.num_segments == 2
    assert expected.shape == (len(whole.hypotheses[0].pieces) + 1, 7 + 1)
    np.testing.assert_allclose(whole.hypotheses[0].alignment_TS, expected, atol=1e-5)


def hypothesis(text):
    return [Translated(text, tuple(text.split()), -1.0, -0.5, None)]


def test_parts_of_one_word_are_joined_without_a_space():
    parts = [Segment(("x",), True), Segment(("y",), False), Segment(("z",), True)]
    assert join(parts, [hypothesis("ab"), hypothesis("cd"), hypothesis("ef")])[0] == (
        "abcd ef",
        ("ab", "cd", "ef"),
        -3.0,
        -1.5,
        None,
    )


def test_an_empty_part_leaves_no_space():
    parts = [Segment(("x",), True)] * 3
    assert join(parts, [hypothesis(""), hypothesis("cd"), hypothesis("")])[0].text == "cd"


# ---- unknown pieces


def found(monkeypatch, alignment_TS):
    """Let search find `<unk> a` for any source."""
    best = Hypothesis((UNKNOWN, 4), -1.0, -1.0, alignment_TS)
    monkeypatch.setattr(nmt.translate, "search", lambda *_: [[best]])


def test_unknown_pieces_are_shown_as_such(monkeypatch):
    found(monkeypatch, np.eye(3, dtype=np.float32))
    assert translator().translate(["b Zürich"]) == ["⁇ a"]


def test_the_source_piece_most_attended_to_replaces_an_unknown_one(monkeypatch):
    found(monkeypatch, np.array([[0.1, 0.3, 0.6], [0.8, 0.1, 0.1], [0, 0, 1]], dtype=np.float32))
    assert translator().translate(["b Zürich"], Decoding(BEAM, replace_unknown=True)) == ["Zürich a"]


# ---- attention


@pytest.mark.parametrize("shape", ATTENTIVE)
def test_forced_alignment_is_that_of_the_search(shape):
    model, lines = translator(shape), random_lines(12)
    best = [translation.hypotheses[0] for translation in model.translate_lines(lines, Decoding(BEAM, want=Want()))]
    for forced, free in zip(model.align(lines, [h.text for h in best], batch_tokens=60), best, strict=True):
        assert forced.target_pieces == tuple("⁇" if piece == "<unk>" else piece for piece in free.pieces)
        assert forced.log_prob == pytest.approx(free.log_prob, abs=1e-4)
        np.testing.assert_allclose(forced.weights_TS, free.alignment_TS, atol=1e-5)


def test_an_alignment_has_both_ends_of_sentence_and_rows_of_sum_one():
    (alignment,) = translator().align(["a b c"], ["d e"])
    assert alignment.weights_TS.shape == (3, 4)
    np.testing.assert_allclose(alignment.weights_TS.sum(axis=1), 1, atol=1e-6)


def test_a_layer_and_a_head_give_their_own_weights():
    model = translator("transformer")
    for layer in (0, 1):
        attention = model.model.decoder.layers[layer].cross_attention
        caught = []
        hook = attention.register_forward_hook(lambda _module, _inputs, attended, to=caught: to.append(attended))
        both, *single = [model.align(["a b c"], ["d e"], Want(layer, heads))[0] for heads in (None, (0,), (1,))]
        hook.remove()
        weights_HTS = caught[0].weights_BHRS.numpy()[0, ..., :4]  # the rest only rounds their number up
        np.testing.assert_allclose(both.weights_TS, weights_HTS.mean(axis=0), atol=1e-6)
        for head in (0, 1):
            np.testing.assert_allclose(single[head].weights_TS, weights_HTS[head], atol=1e-6)


def test_the_top_layer_is_shown_unless_another_is_named():
    model = translator("transformer")
    top, last, bottom = (model.align(["a b"], ["d"], want)[0].weights_TS for want in (None, Want(1), Want(0)))
    np.testing.assert_array_equal(top, last)
    assert np.abs(top - bottom).max() > 1e-3


def test_a_layer_and_a_head_are_kept_by_search():
    model, want = translator("transformer"), Want(0, (1,))
    (translation,) = model.translate_lines(["a b c"], Decoding(BEAM, want=want))
    (forced,) = model.align(["a b c"], [translation.text], want)
    np.testing.assert_allclose(translation.hypotheses[0].alignment_TS, forced.weights_TS, atol=1e-5)


REFUSED = {
    ("transformer", Want(2)): ("layer 3: the decoder's attention has 2 layers", "allowed: 1 to 2"),
    ("transformer", Want(-3)): ("layer -3: the decoder's attention has 2 layers", "allowed: 1 to 2"),
    ("transformer", Want(0, (0, 2))): ("head 3: the decoder's attention has 2 heads", "allowed: 1 to 2"),
    ("bahdanau", Want(1)): ("layer 2: the decoder's attention has 1 layer", "allowed: 1"),
    ("bahdanau", Want(0, (1,))): ("head 2: the decoder's attention has 1 head", "allowed: 1"),
    ("luong", Want(-1, (2,))): ("head 3: the decoder's attention has 2 heads", "allowed: 1 to 2"),
    ("sutskever", Want(0)): ("the model has no attention: there is nothing to align with", "train one that has"),
}


@pytest.mark.parametrize(("shape", "want"), REFUSED)
def test_what_the_model_has_not_is_refused_at_once(shape, want):
    model = translator(shape)
    for call in (
        lambda: model.translate_lines(["a"], Decoding(BEAM, want=want)),
        lambda: model.align(["a"], ["b"], want),
    ):
        with pytest.raises(ConfigError) as caught:
            call()
        assert (caught.value.message, caught.value.hint) == REFUSED[shape, want]


def test_without_attention_nothing_can_be_aligned_or_replaced():
    model = translator("sutskever")
    with pytest.raises(ConfigError, match="no attention"):
        model.align(["a"], ["b"])
    with pytest.raises(ConfigError, match="no attention"):
        model.translate(["a"], Decoding(BEAM, replace_unknown=True))


def test_without_attention_translations_have_no_alignment():
    (translation,) = translator("sutskever").translate_lines(["a b"], Decoding(BEAM, want=Want()))
    assert translation.hypotheses[0].alignment_TS is None


# ---- from Python


def test_the_package_gives_the_translator_and_imports_no_torch_before():
    code = "import nmt, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert nmt.Translator is Translator
    assert not hasattr(nmt, "Transalator")

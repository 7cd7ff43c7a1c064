import math

import pytest
import sacrebleu

from nmt.errors import DataError, NmtError
from nmt.metrics.bleu import TOKENIZERS, bleu_by_length, evaluate, make_metric, score

HYPOTHESES = ["The cat sat on the mat .", "A dog barks loudly at night.", "He sees the old House, too."]
REFERENCES = ["the cat sat on a mat .", "A dog barks at night loudly.", "He sees the old house too."]


def test_the_scores_are_those_of_the_sacrebleu_library():
    scores = evaluate(HYPOTHESES, REFERENCES)
    assert scores.bleu.value == sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES]).score
    assert scores.chrf.value == sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES]).score
    assert scores.ter.value == sacrebleu.corpus_ter(HYPOTHESES, [REFERENCES]).score


def test_bleu_of_one_sentence_is_the_one_worked_by_hand():
    # a b c d e against a b c d f: precisions 4/5, 3/4, 2/3, 1/2, equal lengths, so BLEU = (1/5)^(1/4).
    bleu = score(["a b c d e"], ["a b c d f"], make_metric("bleu"))
    assert bleu.value == pytest.approx(100 * (1 / 5) ** 0.25)


def test_a_short_hypothesis_pays_the_brevity_penalty_worked_by_hand():
    bleu = score(["a b c d"], ["a b c d e f"], make_metric("bleu"))
    assert bleu.value == pytest.approx(100 * math.exp(1 - 6 / 4))


def test_ter_of_one_sentence_is_the_one_worked_by_hand():
    # one substitution and one deletion over the reference's five words
    ter = score(["a x c d"], ["a b c d e"], make_metric("ter"))
    assert ter.value == pytest.approx(100 * 2 / 5)


def test_signatures_say_what_was_measured():
    scores = evaluate(HYPOTHESES, REFERENCES, lowercase=True)
    version = sacrebleu.__version__
    assert scores.bleu.signature == f"nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:{version}"
    assert scores.chrf.signature.startswith("nrefs:1|case:lc|eff:yes|nc:6|nw:0")
    assert str(scores.bleu) == f"BLEU {scores.bleu.value:.2f} ({scores.bleu.signature})"


def test_lowercase_looks_past_case():
    upper, lower = ["The Cat Sat On Mats"], ["the cat sat on mats"]
    assert evaluate(upper, lower, lowercase=True)[:2] == evaluate(lower, lower, lowercase=True)[:2]
    assert evaluate(upper, lower).bleu.value == 0.0


def test_characters_are_counted_where_asked():
    # five characters against five, as in the first hand-worked case
    assert evaluate(["猫が魚を食"], ["猫が魚を見"], tokenize="char").bleu.value == pytest.approx(100 * 0.2**0.25)


def test_ter_of_chinese_counts_characters():
    assert evaluate(["我喜欢猫"], ["我喜欢狗"], tokenize="zh").ter.value == pytest.approx(100 / 4)


@pytest.mark.parametrize("tokenize", [name for name in TOKENIZERS if "mecab" not in name])
def test_every_tokenizer_gives_the_library_s_figure(tokenize):
    expected = sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES], tokenize=tokenize).score
    assert evaluate(HYPOTHESES, REFERENCES, tokenize=tokenize).bleu.value == expected


def test_a_missing_tokenizer_package_is_named(monkeypatch):
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_ja_mecab.MeCab", None)
    with pytest.raises(NmtError, match="BLEU tokenizer 'ja-mecab' needs a package") as caught:
        evaluate(["a"], ["a"], tokenize="ja-mecab")
    assert caught.value.hint == "Install it: pip install 'sacrebleu[ja]'"


def test_unknown_names_list_the_known_ones():
    with pytest.raises(NmtError, match="BLEU tokenizer '13b' is unknown") as caught:
        evaluate(["a"], ["a"], tokenize="13b")
    assert "13a, intl, zh" in caught.value.hint
    with pytest.raises(NmtError, match="metric 'blue' is unknown"):
        make_metric("blue")


def test_unequal_corpora_are_an_error_with_both_counts():
    with pytest.raises(DataError, match="3 hypotheses and 2 references: the lines do not pair"):
        evaluate(HYPOTHESES, REFERENCES[:2])


def test_empty_corpora_are_an_error():
    with pytest.raises(DataError, match="nothing to score"):
        evaluate([], [])


def test_an_empty_hypothesis_is_scored():
    assert evaluate(["", "a b c d"], ["a b c d", "a b c d"]).bleu.value == pytest.approx(100 * math.exp(1 - 8 / 4))


def test_buckets_hold_the_sentences_of_their_lengths():
    buckets = bleu_by_length(["a b c d", "a b c d e", "x"], ["a b c d", "a b c d f", "y"], [5, 6, 21], [5, 10, 20])
    assert [bucket.label for bucket in buckets] == ["1–5", "6–10", "11–20", "> 20"]
    assert [bucket.sentences for bucket in buckets] == [1, 1, 0, 1]
    assert [bucket.bleu for bucket in buckets] == [
        pytest.approx(100),
        pytest.approx(100 * 0.2**0.25),
        None,
        0.0,
    ]

"""The sample corpus as a whole: what its README line promises of it."""

import os
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from nmt.data.sample import Pair, generate, write_sample
from nmt.data.sample.grammar import sentences

_CONSTRUCTS = {
    "inversion",
    "verb last",
    "subordinate clause",
    "relative clause",
    "separated prefix",
    "compound",
    "number",
    "date",
    "nominative article",
    "accusative article",
    "dative article",
    "genitive article",
    "place",
    "direction",
    "past",
    "perfect",
    "future",
    "modal",
    "passive",
    "negation",
    "question",
    "reflexive",
    "infinitive with zu",
    "comparison",
    "coordination",
}


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return list(generate(1, 21000))


def test_each_construct_stands_in_three_of_a_hundred_pairs(pairs: list[Pair]) -> None:
    counts = Counter(construct for pair in pairs for construct in pair.constructs)
    assert set(counts) == _CONSTRUCTS
    assert min(counts.values()) >= 0.03 * len(pairs)


@pytest.mark.parametrize("side", [0, 1], ids=["English", "German"])
def test_each_side_has_fifteen_hundred_word_forms(pairs: list[Pair], side: int) -> None:
    assert len({word.lower() for pair in pairs[:20000] for word in pair[side]}) >= 1500


def test_sentences_are_from_three_to_about_forty_words_long(pairs: list[Pair]) -> None:
    lengths = sorted(len(pair.source) for pair in pairs)
    assert (lengths[0], lengths[-1]) == (3, 42)
    assert 6 <= lengths[len(lengths) // 4] <= lengths[3 * len(lengths) // 4] <= 20


def test_no_source_comes_twice_in_whatever_case(pairs: list[Pair]) -> None:
    assert len({" ".join(pair.source).lower() for pair in pairs}) == len(pairs)


def test_the_german_is_a_function_of_the_english() -> None:
    german: dict[str, tuple[str, ...]] = {}
    for seed in (2, 3):
        for pair in islice(sentences(seed), 3000):
            assert german.setdefault(" ".join(pair.source).lower(), pair.target) == pair.target


def test_links_join_words_that_exist(pairs: list[Pair]) -> None:
    for source, target, links, _ in pairs[:4000]:
        assert {i for i, _ in links} <= set(range(len(source)))
        assert {j for _, j in links} <= set(range(len(target)))


@pytest.mark.parametrize("side", [0, 1], ids=["English", "German"])
def test_only_commas_are_without_a_link(pairs: list[Pair], side: int) -> None:
    free = set()
    for pair in pairs[:4000]:
        linked = {link[side] for link in pair.links}
        free |= {word for place, word in enumerate(pair[side]) if place not in linked}
    assert free == {","}


def test_links_to_one_english_word_each_reach_an_error_rate_of_a_twentieth(pairs: list[Pair]) -> None:
    # AER = 1 − 2|A∩S| / (|A| + |S|), where A links every German word to one English word, rightly if it can be right.
    test = pairs[20500:]
    made = sum(len(pair.target) for pair in test)
    right = sum(len({j for _, j in pair.links}) for pair in test)
    assert 1 - 2 * right / (made + sum(len(pair.links) for pair in test)) <= 0.05


def test_test_words_are_known_from_training(pairs: list[Pair]) -> None:
    known = Counter(word.lower() for pair in pairs[:20000] for word in pair.source)
    asked = [word.lower() for pair in pairs[20500:] for word in pair.source]
    assert sum(known[word] < 10 for word in asked) <= 0.01 * len(asked)


def test_words_are_set_as_they_are_written(pairs: list[Pair]) -> None:
    for source, target, _, _ in pairs[:4000]:
        assert source[0][0].isupper()
        assert target[0][0].isupper()
        assert source[-1] == target[-1]
        assert source[-1] in (".", "?")
        assert not {word for word in target if word[-1] in ",?" and len(word) > 1}


def test_the_files_hold_the_pairs_in_order(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample", seed=4, sizes=(30, 5, 6))
    expected = list(generate(4, 41))[35:]
    sources = (tmp_path / "sample" / "test.en").read_text("utf-8").splitlines()
    links = (tmp_path / "sample" / "test.align").read_text("utf-8").splitlines()
    assert sources == [" ".join(pair.source) for pair in expected]
    assert [line.split() for line in links] == [[f"{i}-{j}" for i, j in pair.links] for pair in expected]
    assert len((tmp_path / "sample" / "train.de").read_text("utf-8").splitlines()) == 30


def test_the_corpus_depends_on_its_seed_and_on_nothing_else() -> None:
    assert _printed("0") == _printed("1")
    assert list(generate(5, 20)) != list(generate(6, 20))


def _printed(hash_seed: str) -> bytes:
    """What another process with this seed of str hashes makes of the first pairs."""
    code = "from nmt.data.sample import generate\nfor p in generate(5, 300): print(*p[:3], sorted(p.constructs))"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout

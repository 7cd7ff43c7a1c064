from itertools import product

import numpy as np
import pytest
from sacrebleu.significance import PairedTest

from nmt.errors import DataError
from nmt.metrics.bleu import make_metric
from nmt.metrics.significance import TESTS, approximate_randomisation, paired_bootstrap

WORDS = ["the", "a", "cat", "dog", "house", "sees", "finds", "old", "young", "man", "and", "then", "runs"]


def noisy_corpus(sentences=45, seed=1):
    """References, a baseline with a quarter of its words wrong, a system with a fifth wrong."""
    random = np.random.default_rng(seed)
    references = [list(random.choice(WORDS, size=random.integers(5, 12))) for _ in range(sentences)]
    systems = [
        [" ".join("x" if random.random() < rate else word for word in words) for words in references]
        for rate in (0.25, 0.2)
    ]
    return *systems, [" ".join(words) for words in references]


@pytest.mark.parametrize("name", ["bleu", "chrf"])  # TER, a ratio of small whole numbers, has ties
@pytest.mark.parametrize(("test", "kind"), [("bootstrap", "bs"), ("randomisation", "ar")])
def test_p_values_are_those_of_sacrebleu(test, kind, name):
    baseline, system, references = noisy_corpus()
    named = [("baseline", baseline), ("system", system)]
    paired = PairedTest(named, {name: make_metric(name)}, [references], test_type=kind, n_samples=150)
    ours = TESTS[test](baseline, system, references, make_metric(name), samples=150)
    theirs = paired()[1][ours.metric]
    assert (ours.baseline, ours.system) == pytest.approx((theirs[0].score, theirs[1].score))
    assert ours.p_value == theirs[1].p_value


def test_randomisation_of_two_sentences_worked_by_hand():
    # TER: the baseline errs in one word of four in each sentence, the system in none: 25 and 0. Of the four ways to
    # exchange, two leave them 25 apart, as on the corpus, and two make them equal: p = 1/2.
    references = ["a b c d", "e f g h"]
    baseline = ["a b c x", "e f g x"]
    result = approximate_randomisation(baseline, references, references, make_metric("ter"), samples=2000)
    assert (result.baseline, result.system) == (25, 0)
    assert result.p_value == pytest.approx(1 / 2, abs=0.03)


def test_randomisation_approaches_the_exact_test_over_all_exchanges():
    # Errors of four a sentence; a sample exchanges any subset of the sentences' differences, all 2^8 equally likely.
    baseline, system = [1, 3, 0, 4, 2, 2, 1, 3], [0, 3, 1, 2, 2, 1, 0, 2]
    differences = np.subtract(system, baseline)
    exact = np.mean([abs(differences @ signs) >= abs(differences.sum()) for signs in product((-1, 1), repeat=8)])
    lines = [[" ".join("x" * errors + "abcd"[errors:]) for errors in each] for each in (baseline, system)]
    result = approximate_randomisation(*lines, ["a b c d"] * 8, make_metric("ter"), samples=4000)
    assert result.p_value == pytest.approx(exact, abs=0.02)


def test_a_system_that_is_better_in_every_sentence_wins_every_sample():
    references = ["the cat sees the old house", "a man and a woman run"] * 10
    worse = [f"{line} x x" for line in references]
    result = paired_bootstrap(worse, references, references, samples=50)
    assert (result.wins, result.system) == (1, pytest.approx(100))
    assert paired_bootstrap(worse, references, references, make_metric("ter"), samples=50).wins == 1


def test_bootstrap_wins_worked_by_hand():
    # Three sentences; the system is better in two by one word, worse in one by two words. A sample of three draws
    # (1,1,-2) with replacement; the sum is positive when the -2 is not drawn, (2/3)^3 = 8/27, or never otherwise.
    references = ["a b c d", "e f g h", "i j k l"]
    baseline, system = ["a b c x", "e f g x", "i j k l"], ["a b c d", "e f g h", "i j x x"]
    result = paired_bootstrap(baseline, system, references, make_metric("ter"), samples=4000)
    assert result.wins == pytest.approx(8 / 27, abs=0.02)


@pytest.mark.parametrize("test", TESTS)
def test_a_system_against_itself_has_p_one(test):
    _, system, references = noisy_corpus(12)
    assert TESTS[test](system, system, references, samples=40).p_value == 1


@pytest.mark.parametrize("test", TESTS)
def test_the_seed_decides(test):
    first, second = (TESTS[test](*noisy_corpus(12), samples=200, seed=7) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("test", TESTS)
def test_unequal_corpora_are_an_error(test):
    with pytest.raises(DataError, match="1 hypotheses and 2 references"):
        TESTS[test](["a", "b"], ["a"], ["a", "b"])

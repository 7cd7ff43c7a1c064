"""Is one system better than another? Paired tests over the sentence statistics of a sacreBLEU metric.

For the same seed both tests draw the same samples as sacreBLEU's own and, ties aside, find the same p-values.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.ter import TER

from nmt.metrics.bleu import check_sizes, make_metric

SEED = 12345
BLOCK = 32
"""Samples drawn at a time: memory stays bounded, and 32 rows of random bits use up whole 32-bit words."""

Floats = NDArray[np.float64]


class Comparison(NamedTuple):
    """Two systems on one corpus.

    baseline, system: the corpus figures, in per cent.
    p_value: the probability, above 0 and at most 1, of a difference as large as this between systems that are
    equally good; two-sided.
    wins: the part of the samples in which the system is better than the baseline; None for randomisation,
    whose samples mix the two.
    """

    metric: str
    baseline: float
    system: float
    p_value: float
    wins: float | None


class Paired(NamedTuple):
    """The statistics of both systems' sentences under one metric, from which any sample's figures follow."""

    metric: Metric
    baseline: Floats
    system: Floats

    def figure(self, totals: Floats) -> float:
        """The metric's figure, in per cent, for statistics summed over sentences.

        sacreBLEU makes figures of statistics only by this method and `_extract_corpus_statistics`.
        """
        return float(self.metric._compute_score_from_stats(totals.tolist()).score)

    def totals(self) -> tuple[float, float]:
        """The figures of the corpus itself: baseline, system."""
        return self.figure(self.baseline.sum(0)), self.figure(self.system.sum(0))


def paired_bootstrap(
    baseline: Sequence[str],
    system: Sequence[str],
    references: Sequence[str],
    metric: Metric | None = None,
    samples: int = 1000,
    seed: int = SEED,
) -> Comparison:
    """Both systems scored on `samples` corpora of sentences drawn with replacement, the same for both.

    With d the difference on the corpus and d_k that on sample k: p = (n + 1) / (samples + 1), n the number of
    samples with |d_k| − mean |d_k| over the samples ≥ |d|; wins = the part of the samples with the system ahead.
    `metric` comes from `make_metric`; BLEU where none is given.
    Raises: DataError when the numbers of lines differ.
    Source: Koehn 2004, section 4 (wins); Riezler & Maxwell 2005 (p). Differs: see `_comparison`.
    """
    paired = _statistics(baseline, system, references, metric or make_metric("bleu"))
    random, size = np.random.default_rng(seed), len(references)
    figures = []
    for _ in range(samples):
        times = np.bincount(random.choice(size, size=size, replace=True), minlength=size)
        figures.append((paired.figure(times @ paired.baseline), paired.figure(times @ paired.system)))
    differences = _differences(figures)
    spread = np.abs(differences) - np.abs(differences).mean()
    ahead = differences < 0 if isinstance(paired.metric, TER) else differences > 0
    return _comparison(paired, spread, float(ahead.mean()))


def approximate_randomisation(
    baseline: Sequence[str],
    system: Sequence[str],
    references: Sequence[str],
    metric: Metric | None = None,
    samples: int = 10000,
    seed: int = SEED,
) -> Comparison:
    """Both systems' translations exchanged, sentence by sentence, by the toss of a coin.

    p = (n + 1) / (samples + 1), n the number of trials with a difference at least that on the corpus.
    `metric` comes from `make_metric`; BLEU where none is given.
    Raises: DataError when the numbers of lines differ.
    Source: Riezler & Maxwell 2005, two-sided. Differs: see `_comparison`.
    """
    paired = _statistics(baseline, system, references, metric or make_metric("bleu"))
    random, both = np.random.default_rng(seed), paired.baseline + paired.system
    figures = []
    for start in range(0, samples, BLOCK):
        rows = min(BLOCK, samples - start)
        kept = random.integers(2, size=(rows, len(references)), dtype=np.bool_)
        sums = paired.system.sum(0) + kept @ (paired.baseline - paired.system)
        figures += [(paired.figure(total), paired.figure(both.sum(0) - total)) for total in sums]
    return _comparison(paired, np.abs(_differences(figures)), None)


TESTS: dict[str, Callable[..., Comparison]] = {
    "bootstrap": paired_bootstrap,
    "randomisation": approximate_randomisation,
}


def _statistics(baseline: Sequence[str], system: Sequence[str], references: Sequence[str], metric: Metric) -> Paired:
    for hypotheses in (baseline, system):
        check_sizes(hypotheses, references)
    rows = [
        metric._extract_corpus_statistics(list(hypotheses), [list(references)]) for hypotheses in (baseline, system)
    ]
    return Paired(metric, *(np.asarray(statistics, dtype=np.float64) for statistics in rows))


def _differences(figures: Sequence[tuple[float, float]]) -> Floats:
    """System less baseline."""
    pairs = np.array(figures, dtype=np.float64).reshape(-1, 2)
    differences: Floats = pairs[:, 1] - pairs[:, 0]
    return differences


def _comparison(paired: Paired, spread: Floats, wins: float | None) -> Comparison:
    """p counts equal differences too, as published, so that a system against itself has p = 1.

    sacreBLEU counts only larger ones, which calls two systems with equal output significantly different.
    """
    baseline, system = paired.totals()
    p_value = (int((spread >= abs(system - baseline)).sum()) + 1) / (len(spread) + 1)
    name = paired.metric._compute_score_from_stats(paired.system.sum(0).tolist()).name
    return Comparison(name, baseline, system, p_value, wins)

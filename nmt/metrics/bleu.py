"""BLEU, chrF and TER of detokenised text: sacreBLEU's figures with sacreBLEU's signatures."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from nmt.errors import DataError, NmtError

TOKENIZERS = ("13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "none")
"""The word splitters BLEU counts with. sacreBLEU's others fetch a model from the network on first use."""

PACKAGES = {"ja-mecab": "sacrebleu[ja]", "ko-mecab": "sacrebleu[ko]"}


class Score(NamedTuple):
    """A figure in per cent (TER: less is better, may pass 100) and the signature that goes with it."""

    name: str
    value: float
    signature: str

    def __str__(self) -> str:
        return f"{self.name} {self.value:.2f} ({self.signature})"


class Scores(NamedTuple):
    """What `evaluate` measures."""

    bleu: Score
    chrf: Score
    ter: Score


class Bucket(NamedTuple):
    """The sentences with low < length ≤ high (None: no bound) and their BLEU (None: no such sentence)."""

    low: int
    high: int | None
    sentences: int
    bleu: float | None

    @property
    def label(self) -> str:
        """The lengths in words: `1–10`, `11–20`, `> 20`."""
        return f"> {self.low}" if self.high is None else f"{self.low + 1}–{self.high}"


def evaluate(
    hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = False, tokenize: str = "13a"
) -> Scores:
    """BLEU, chrF and TER of a corpus; TER looks past case as sacreBLEU's default does, its signature says so.

    Raises: DataError when the numbers of lines differ or are 0; NmtError for a tokenizer that cannot be had.
    """
    return Scores(*(score(hypotheses, references, make_metric(name, lowercase, tokenize)) for name in Scores._fields))


def make_metric(name: str, lowercase: bool = False, tokenize: str = "13a") -> Metric:
    """sacreBLEU's metric `bleu`, `chrf` or `ter`.

    TER splits Chinese and Japanese into characters where `tokenize` says that the text is such.
    Raises: NmtError for an unknown name or tokenizer, and for a tokenizer whose package is not installed.
    """
    if name == "bleu":
        return make_bleu(lowercase, tokenize)
    if name == "chrf":
        return CHRF(lowercase=lowercase)
    if name == "ter":
        asian = tokenize in {"zh", "ja-mecab"}
        return TER(normalized=asian, asian_support=asian)
    raise NmtError(f"metric '{name}' is unknown", f"There are: {', '.join(Scores._fields)}.")


def score(hypotheses: Sequence[str], references: Sequence[str], metric: Metric) -> Score:
    """One figure of a corpus, from a metric of `make_metric`.

    Raises: DataError when the numbers of lines differ or are 0.
    """
    check_sizes(hypotheses, references)
    measured = metric.corpus_score(list(hypotheses), [list(references)])
    return Score(measured.name, measured.score, metric.get_signature().format())


def bleu_by_length(
    hypotheses: Sequence[str],
    references: Sequence[str],
    lengths: Sequence[int],
    edges: Sequence[int],
    lowercase: bool = False,
    tokenize: str = "13a",
) -> list[Bucket]:
    """BLEU of the sentences in each interval of length: 1…edges[0], edges[0]+1…edges[1], … and beyond.

    `lengths` are of whatever the plot is to be over, by custom the words of the source; a length of 0 stands
    in the first bucket.
    Raises: DataError when the numbers of lines differ.
    """
    check_sizes(hypotheses, references)
    assert len(lengths) == len(hypotheses), "a length a sentence"
    metric = make_metric("bleu", lowercase, tokenize)
    buckets = []
    for low, high in pairwise([0, *edges, None]):
        chosen = [n for n, length in enumerate(lengths) if _falls(length, low or 0, high)]
        pairs = [hypotheses[n] for n in chosen], [references[n] for n in chosen]
        bleu = score(*pairs, metric).value if chosen else None
        buckets.append(Bucket(low or 0, high, len(chosen), bleu))
    return buckets


def check_sizes(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    """Raises: DataError when hypotheses and references are not equally many, or none at all."""
    if len(hypotheses) != len(references):
        message = f"{len(hypotheses)} hypotheses and {len(references)} references: the lines do not pair"
        raise DataError(message, "Both files need one line a sentence, in the same order.")
    if not hypotheses:
        raise DataError("nothing to score: 0 hypotheses and 0 references")


def _falls(length: int, low: int, high: int | None) -> bool:
    return (length > low or low == 0) and (high is None or length <= high)


def make_bleu(lowercase: bool, tokenize: str, **options: Any) -> BLEU:
    """`force` silences advice about text that looks tokenised, as corpora may be; the figure is the same."""
    if tokenize not in TOKENIZERS:
        raise NmtError(f"BLEU tokenizer '{tokenize}' is unknown", f"There are: {', '.join(TOKENIZERS)}.")
    try:
        return BLEU(lowercase=lowercase, tokenize=tokenize, force=True, **options)
    except (RuntimeError, ImportError) as error:
        package = PACKAGES.get(tokenize, "sacrebleu")
        message = f"BLEU tokenizer '{tokenize}' needs a package that is not installed"
        raise NmtError(message, f"Install it: pip install '{package}'") from error

"""Shares of right answers: whole lines, names that were to be copied, pronouns that another sentence decides."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple


class Share(NamedTuple):
    """How many of the answers asked for are right."""

    right: int
    asked: int

    @property
    def percent(self) -> float:
        """100 · right / asked; 0 where nothing is asked."""
        return 100 * self.right / self.asked if self.asked else 0.0


def exact_lines(hypotheses: Sequence[str], references: Sequence[str]) -> Share:
    """Lines that are word for word their references; blank references ask for nothing."""
    pairs = [(line.split(), asked.split()) for line, asked in zip(hypotheses, references, strict=True)]
    return Share(sum(line == asked for line, asked in pairs if asked), sum(bool(asked) for _, asked in pairs))


def exact_words(hypotheses: Sequence[str], words: Sequence[str]) -> Share:
    """Words asked for, as many on a line as stand there, that stand in the hypothesis of that line, each as often as it
    is asked for: names, for example (`test.names`)."""
    wanted = [Counter(line.split()) for line in words]
    found = [Counter(line.split()) for line in hypotheses]
    right = sum((asked & given).total() for asked, given in zip(wanted, found, strict=True))
    return Share(right, sum(asked.total() for asked in wanted))


def one_of(hypotheses: Sequence[str], answers: Sequence[str]) -> Share:
    """Lines whose answer, in whatever case, stands in the hypothesis and no other line's answer does: the pronoun of
    `test.pronouns`. A blank answer asks for nothing."""
    choices = {answer.strip().lower() for answer in answers} - {""}
    asked = [(line, answer.strip().lower()) for line, answer in zip(hypotheses, answers, strict=True) if answer.strip()]
    return Share(sum(choices & set(line.lower().split()) == {answer} for line, answer in asked), len(asked))

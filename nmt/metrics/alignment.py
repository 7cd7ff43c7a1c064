"""Word alignments: links from attention weights, their agreement with gold links, and symmetrisation.

A link (i, j) joins source word i and target word j, both counted from 0. Weights are T × S: a row a target
word or piece.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmt.data.corpus import read_lines
from nmt.errors import DataError
from nmt.storage.files import written_whole

Link = tuple[int, int]
Links = frozenset[Link]
Weights = NDArray[np.floating]


class GoldLinks(NamedTuple):
    """A sentence's hand-made links: `possible` contains every one that is `sure`."""

    sure: Links
    possible: Links


class LinkFile(NamedTuple):
    """A Pharaoh file as read: the links of every line, and a message for each link that was left out."""

    sentences: list[GoldLinks]
    dropped: list[str]


# ---- from weights to links


def merge_pieces(
    weights_TS: Weights,
    source_words: Sequence[int],
    target_words: Sequence[int],
    sizes: tuple[int, int] | None = None,
) -> Weights:
    """Weights between words from weights between pieces: summed over a source word's pieces, averaged over a
    target word's pieces.

    `source_words` and `target_words` give the word number of every piece, from 0, without the end-of-sentence
    piece; its row and column, where the weights have them, are dropped. `sizes` are the numbers of source and
    target words where they are known: a word without pieces gets zeros, a piece without a word goes nowhere.
    Source: equations.md §7.
    """
    rows, columns = len(target_words), len(source_words)
    assert weights_TS.shape in ((rows, columns), (rows + 1, columns + 1)), "weights for every piece"
    pieces_TS = np.asarray(weights_TS, dtype=np.float64)[:rows, :columns]
    num_sources, num_targets = sizes or (max(source_words, default=-1) + 1, max(target_words, default=-1) + 1)
    summed_TS = _summed(pieces_TS.T, source_words, num_sources).T
    counts_T1 = _summed(np.ones((rows, 1)), target_words, num_targets)
    merged: Weights = _summed(summed_TS, target_words, num_targets) / np.maximum(counts_T1, 1)
    return merged


def _summed(rows: Weights, words: Sequence[int], size: int) -> Weights:
    """The rows added up by the words that they belong to, of which the first `size` are kept."""
    numbers = np.asarray(words, dtype=np.int64)
    sums = np.zeros((size, rows.shape[1]))
    np.add.at(sums, numbers[numbers < size], rows[numbers < size])
    return sums


def argmax_links(weights_TS: Weights) -> Links:
    """One link for every target word, to the source word of the largest weight; of equal ones the leftmost.

    Source: equations.md §7.
    """
    if weights_TS.shape[1] == 0:
        return frozenset()
    return frozenset((int(i), j) for j, i in enumerate(np.argmax(weights_TS, axis=1)))


# ---- against gold


class Agreement(NamedTuple):
    """Predicted links A against sure links S and possible links P ⊇ S: the four counts, summed over a corpus.

    AER = 1 − (|A∩S| + |A∩P|) / (|A| + |S|); precision = |A∩P| / |A|; recall = |A∩S| / |S|; all in 0…1.
    Where there is nothing to predict and nothing predicted, nothing is wrong: AER 0, precision and recall 1.
    Source: Och & Ney 2003, section 5.
    """

    predicted: int
    sure: int
    in_sure: int
    in_possible: int

    @property
    def aer(self) -> float:
        """Alignment error rate; less is better."""
        return 1 - _ratio(self.in_sure + self.in_possible, self.predicted + self.sure)

    @property
    def precision(self) -> float:
        """The part of the predicted links that are possible."""
        return _ratio(self.in_possible, self.predicted)

    @property
    def recall(self) -> float:
        """The part of the sure links that are predicted."""
        return _ratio(self.in_sure, self.sure)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def agreement(predicted: Sequence[Links], gold: Sequence[GoldLinks]) -> Agreement:
    """Counts over a corpus. Raises: DataError when the numbers of sentences differ."""
    if len(predicted) != len(gold):
        raise DataError(f"{len(predicted)} aligned sentences and {len(gold)} lines of gold links do not pair")
    counts = [
        (len(links), len(sure), len(links & sure), len(links & possible))
        for links, (sure, possible) in zip(predicted, gold, strict=True)
    ]
    return Agreement(*(sum(column) for column in zip(*counts, strict=True))) if counts else Agreement(0, 0, 0, 0)


def best_links(gold: GoldLinks, source_length: int, target_length: int) -> Links:
    """The links of least AER among those that join every target word to exactly one source word.

    Each word takes a sure link where it has one, else a possible one, else it must err: |A| is the same for
    all choices, so the best choice of each word is the best of all.
    """
    if source_length == 0:
        return frozenset()
    best = dict.fromkeys(range(target_length), 0)
    for i, j in [*sorted(gold.possible), *sorted(gold.sure)]:
        if i < source_length and j < target_length:
            best[j] = i
    return frozenset((i, j) for j, i in best.items())


def best_agreement(gold: Sequence[GoldLinks], sizes: Sequence[tuple[int, int]]) -> Agreement:
    """The best that arg-max links could reach; `sizes` are each sentence's (source words, target words)."""
    return agreement([best_links(links, *size) for links, size in zip(gold, sizes, strict=True)], gold)


# ---- symmetrisation


def intersection(forward: Links, backward: Links) -> Links:
    """Links that both directions found."""
    return forward & backward


def union(forward: Links, backward: Links) -> Links:
    """Links that either direction found."""
    return forward | backward


def grow_diag_final_and(forward: Links, backward: Links) -> Links:
    """The intersection, grown by its neighbours in the union, then by links that join two unaligned words.

    A neighbour, also a diagonal one, is added when either of its words is unaligned; growing goes on until
    nothing is added. Then follow the forward links and the backward links whose two words are both unaligned.
    Target words are the outer loop and source words the inner, as in the published procedure.
    Source: Koehn et al. 2005 (IWSLT), grow-diag-final with `and`. Differs: nothing.
    """
    links = _grow(set(forward & backward), forward | backward)
    for direction in (forward, backward):
        for new in sorted(direction, key=_by_target):
            if all(i != new[0] and j != new[1] for i, j in links):
                links.add(new)
    return frozenset(links)


NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def _grow(links: set[Link], candidates: Links) -> set[Link]:
    """grow-diag: walks the links in order, those that it adds ahead of itself too, until a walk adds none."""
    before = -1
    while before < len(links):
        before = len(links)
        for i, j in sorted(candidates, key=_by_target):
            if (i, j) not in links:
                continue
            for step_j, step_i in NEIGHBOURS:
                new = (i + step_i, j + step_j)
                if new in candidates and _aligns_an_unaligned_word(new, links):
                    links.add(new)
    return links


def _aligns_an_unaligned_word(new: Link, links: set[Link]) -> bool:
    return all(i != new[0] for i, _ in links) or all(j != new[1] for _, j in links)


def _by_target(link: Link) -> tuple[int, int]:
    return link[1], link[0]


SYMMETRISATIONS: dict[str, Callable[[Links, Links], Links]] = {
    "intersection": intersection,
    "union": union,
    "grow-diag-final-and": grow_diag_final_and,
}
"""How to join the links of two directions, both (source, target): `swap` turns those of a backward model."""


def swap(links: Links) -> Links:
    """The same links seen from the other side."""
    return frozenset((j, i) for i, j in links)


# ---- Pharaoh files


def read_links(path: Path, sizes: Sequence[tuple[int, int]] | None = None) -> LinkFile:
    """A Pharaoh file: a line a sentence, `i-j` a sure and `ipj` a possible link, counted from 0.

    With `sizes`, the (source words, target words) of each sentence, links out of range are left out, each
    with a message that names file and line.
    Raises: DataError for a malformed link (file, line) and for a number of lines other than that of `sizes`.
    """
    file = LinkFile([], [])
    for number, line in enumerate(read_lines(path), 1):
        links = [_parse(token, f"{path}:{number}") for token in line.split()]
        if sizes is not None and number <= len(sizes):
            outside = [link for link in links if not _within(link[1], sizes[number - 1])]
            file.dropped.extend(_out_of_range(f"{path}:{number}", link, sizes[number - 1]) for link in outside)
            links = [link for link in links if link not in outside]
        sure = frozenset(link for mark, link in links if mark == "-")
        file.sentences.append(GoldLinks(sure, frozenset(link for _, link in links)))
    if sizes is not None and len(sizes) != len(file.sentences):
        raise DataError(f"{path}: {len(file.sentences)} lines of links for {len(sizes)} sentence pairs")
    return file


def write_links(path: Path, sentences: Iterable[Links]) -> None:
    """A Pharaoh file of sure links, in the order of the source words."""
    with written_whole(path) as file:
        for links in sentences:
            file.write((format_links(links) + "\n").encode())


def format_links(links: Links) -> str:
    """One line of a Pharaoh file: `0-0 1-2 2-1`."""
    return " ".join(f"{i}-{j}" for i, j in sorted(links))


def _parse(token: str, place: str) -> tuple[str, Link]:
    match = re.fullmatch(r"([0-9]{1,9})([-p])([0-9]{1,9})", token)
    if match is None:
        hint = "A link is SOURCE-TARGET (sure) or SOURCEpTARGET (possible), words counted from 0."
        raise DataError(f"{place}: '{token}' is not a link", hint)
    return match[2], (int(match[1]), int(match[3]))


def _within(link: Link, size: tuple[int, int]) -> bool:
    return link[0] < size[0] and link[1] < size[1]


def _out_of_range(place: str, link: tuple[str, Link], size: tuple[int, int]) -> str:
    mark, (i, j) = link
    return f"{place}: link {i}{mark}{j} left out: the pair has {size[0]} source and {size[1]} target words"

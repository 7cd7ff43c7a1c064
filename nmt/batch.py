"""What one step of training or search works on: padded id matrices with their masks.

Shapes: B sentences, S source positions, T target positions. mask: True = a real piece, False = padding.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nmt import tree
from nmt.text.vocabulary import BOS, PAD


class Source(NamedTuple):
    """One source sentence a row; the last real piece of each is the end-of-sentence piece, which stands alone where
    there is no sentence.

    copies_BS, where an output copies: each piece's id as a target piece, or V + p (nmt.text.copying).
    """

    ids_BS: Tensor
    mask_BS: Tensor
    copies_BS: Tensor | None = None


class Batch(NamedTuple):
    """Sentence pairs for training: the decoder reads `input_BT` and is to predict `target_BT`.

    input_BT is the beginning-of-sentence piece followed by the target without its last piece;
    target_BT ends with the end-of-sentence piece. `lines` are the pairs' 0-based numbers in the corpus. places_M are
    those of the M real target pieces in the flattened (B, T), known beforehand, since who asks a GPU waits for it.
    A source may have several targets, which stand next to one another: what leads with B here has N = B·K rows then,
    but for the sources. weight_N is how much each target counts, where not all count the same.
    """

    sources: tuple[Source, ...]
    input_BT: Tensor
    target_BT: Tensor
    mask_BT: Tensor
    places_M: Tensor
    lines: tuple[int, ...]
    weight_N: Tensor | None = None

    @property
    def targets_each(self) -> int:
        """K, the targets of each source."""
        return len(self.input_BT) // max(1, len(self.sources[0].ids_BS))


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Stack id sequences of unequal lengths: ids (B, longest) filled up with PAD, and the mask of real pieces."""
    lengths = np.array([len(row) for row in rows])
    mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
    ids = np.full(mask.shape, PAD, dtype=np.int64)
    ids[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows]) if rows else []
    return torch.from_numpy(ids), torch.from_numpy(mask)


def make_source(rows: Sequence[Sequence[int]], copies: Sequence[Sequence[int]] | None = None) -> Source:
    """A padded source from id sequences that end with the end-of-sentence piece; `copies` of the same lengths."""
    return Source(*pad(rows), None if copies is None else pad(copies)[0])


def make_sources(
    sources: Sequence[Sequence[Sequence[int]]], copies: Sequence[Sequence[int]] | None = None
) -> tuple[Source, ...]:
    """A padded source for each source text; `copies` are of the first."""
    return tuple(make_source(rows, None if number else copies) for number, rows in enumerate(sources))


def make_batch(
    sources: Sequence[Sequence[Sequence[int]]],
    targets: Sequence[Sequence[int]],
    lines: Sequence[int],
    copies: Sequence[Sequence[int]] | None = None,
) -> Batch:
    """A training batch: `sources[k]` are the rows of the k-th source text, `targets` end with end-of-sentence; `copies`
    are of the first source."""
    return Batch(make_sources(sources, copies), *_targets(targets), tuple(lines))


def with_targets(batch: Batch, targets: Sequence[Sequence[int]], weight_N: Tensor) -> Batch:
    """The batch with other targets, equally many for each of its sources, and their weights."""
    assert len(targets) == len(weight_N), "a weight each"
    assert len(targets) % len(batch.lines) == 0, "as many for each source"
    return Batch(batch.sources, *tree.to(_targets(targets), batch.input_BT.device), batch.lines, weight_N)


def _targets(targets: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    target_BT, mask_BT = pad(targets)
    input_BT = torch.full_like(target_BT, BOS)
    input_BT[:, 1:] = target_BT[:, :-1]
    return input_BT, target_BT, mask_BT, real_places(mask_BT)


def real_places(mask_BT: Tensor) -> Tensor:
    """places_M of real pieces."""
    return mask_BT.flatten().nonzero().flatten()


def at_real_places(leaves: tree.Tree, batch: Batch) -> tree.Tree:
    """Every tensor (B, T, …) of a tree at the batch's real target pieces: (M, …)."""
    return tree.map_tensors(lambda leaf: leaf.flatten(0, 1)[batch.places_M], leaves)


def parts(batch: Batch, tokens: int) -> Iterator[Batch]:
    """The batch in as few parts of alike sizes as have targets × longest ≤ `tokens`, or one source; each is as wide as
    its own longest."""
    num_sources = len(batch.lines)
    longest = max(batch.target_BT.shape[1], *(source.ids_BS.shape[1] for source in batch.sources))
    slices = _alike(num_sources, longest * max(1, batch.targets_each), tokens)
    yield from (_part(batch, rows) for rows in slices) if len(slices) > 1 else (batch,)  # in pinned memory, perhaps


def source_parts(sources: tuple[Source, ...], tokens: int) -> Iterator[tuple[Source, ...]]:
    """The sources in as few parts of alike sizes as have sentences × longest ≤ `tokens`, or one sentence; each source
    of a part is as wide as its own longest."""
    longest = max(source.ids_BS.shape[1] for source in sources)
    slices = _alike(len(sources[0].ids_BS), longest, tokens)
    narrowed = (tuple(_narrowed(source, rows) for source in sources) for rows in slices)
    yield from narrowed if len(slices) > 1 else (sources,)


def _alike(num_sources: int, width: int, tokens: int) -> list[slice]:
    """Rows, each `width` wide, in as few parts of alike sizes as have no more `tokens`, or one row."""
    number = -(-num_sources // max(1, tokens // max(1, width)))
    size = -(-num_sources // max(1, number)) or 1
    return [slice(start, start + size) for start in range(0, num_sources, size)]


def _part(batch: Batch, rows: slice) -> Batch:
    own = slice(rows.start * batch.targets_each, rows.stop * batch.targets_each)
    width = int(batch.mask_BT[own].sum(dim=1).max())
    inputs_BT, target_BT, mask_BT = (leaf[own, :width] for leaf in (batch.input_BT, batch.target_BT, batch.mask_BT))
    weight_N = None if batch.weight_N is None else batch.weight_N[own]
    sources = tuple(_narrowed(source, rows) for source in batch.sources)
    return Batch(sources, inputs_BT, target_BT, mask_BT, real_places(mask_BT), batch.lines[rows], weight_N)


def _narrowed(source: Source, rows: slice) -> Source:
    """Some rows, as wide as their longest."""
    width = int(source.mask_BS[rows].sum(dim=1).max())
    return tree.map_tensors(lambda leaf: leaf[rows, :width], source)

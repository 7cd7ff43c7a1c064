"""Prepared sentence pairs on disk: memory-mapped Arrow shards of piece ids, their lengths beside them.

    pairs-00000.arrow …   columns source, target: lists of ids that end with end of sentence; SHARD pairs each
    source_lengths.npy    pieces of each pair's source, end of sentence counted (int32)
    target_lengths.npy    likewise of the target
                          further sources: columns source_2, source_3, …, source_2_lengths.npy, …; where an output
                          copies, column copies: for each piece of the source its id as a target piece
    lines.npy             0-based line of each pair in the corpus (int64)

Opening a store maps three arrays and reads no shard; a shard is mapped when a pair of it is asked for.
"""

from array import array
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.lib import format as npy
from numpy.typing import NDArray

from nmt.errors import DataError

SHARD = 100_000
OPEN_SHARDS = 128
Ids = NDArray[np.int32]


class _Column(NamedTuple):
    """One side of a shard: row i is values[offsets[i] : offsets[i + 1]]."""

    offsets: NDArray[np.int64]
    values: Ids

    def row(self, number: int) -> Ids:
        return self.values[self.offsets[number] : self.offsets[number + 1]]


class StoredPair(NamedTuple):
    """The ids of a pair, each list ending with end of sentence; a source that is no sentence is its end alone."""

    sources: tuple[Ids, ...]
    target: Ids
    copies: Ids | None


class Layout(NamedTuple):
    """What a store holds of each pair."""

    num_sources: int = 1
    copying: bool = False

    @property
    def sides(self) -> tuple[str, ...]:
        """The columns whose lengths count: the sources, then the target."""
        others = (f"source_{number}" for number in range(2, self.num_sources + 1))
        return ("source", *others, "target")

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns."""
        return (*self.sides, *["copies"] * self.copying)


class PairStore:
    """Pairs of a directory that `PairWriter` wrote, by number; 0 ≤ number < len(store).

    lengths: of each source and of the target, ends counted.
    """

    def __init__(self, path: Path, layout: Layout = Layout()) -> None:  # noqa: B008 (a value)
        """Raises: DataError when `path` is not a store."""
        self.path = path
        self._layout = layout
        self.lengths = tuple(_map(path / f"{side}_lengths.npy") for side in layout.sides)
        self.lines = _map(path / "lines.npy")
        if {len(lengths) for lengths in self.lengths} != {len(self.lines)}:
            raise _damaged(path / "lines.npy")
        self._shard = lru_cache(maxsize=OPEN_SHARDS)(self._open_shard)

    def __len__(self) -> int:
        return len(self.lines)

    def pair(self, number: int) -> StoredPair:
        """The pair of that number. Raises: DataError for a damaged shard."""
        if not 0 <= number < len(self):
            raise IndexError(f"pair {number} of {len(self)}")
        shard, row = divmod(int(number), SHARD)
        ids = tuple(column.row(row) for column in self._shard(shard))
        width = self._layout.num_sources
        return StoredPair(ids[:width], ids[width], ids[width + 1] if self._layout.copying else None)

    def _open_shard(self, number: int) -> tuple[_Column, ...]:
        path = _shard_path(self.path, number)
        lengths = [lengths[number * SHARD : (number + 1) * SHARD] for lengths in self.lengths]
        try:
            if not path.is_file():
                raise _damaged(path)
            batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
            batch.validate(full=True)
            columns = tuple(_column(batch.column(name)) for name in self._layout.columns)
            for column, expected in zip(columns, lengths, strict=False):
                if not np.array_equal(np.diff(column.offsets), expected):
                    raise _damaged(path)
        except (OSError, KeyError, IndexError, TypeError, AttributeError, MemoryError, pa.ArrowException) as error:
            raise _damaged(path) from error
        return columns


class PairWriter:
    """Writes a store pair by pair into a new directory, holding one shard in memory; a context manager."""

    def __init__(self, path: Path, layout: Layout = Layout()) -> None:  # noqa: B008 (a value)
        path.mkdir(parents=True)
        self._path, self._layout = path, layout
        self._shards = 0
        self._columns = tuple(_Rows() for _ in layout.columns)
        self._lengths = tuple(_GrowingArray(path / f"{side}_lengths.npy", np.int32) for side in layout.sides)
        self._lines = _GrowingArray(path / "lines.npy", np.int64)

    def add(self, sources: Sequence[list[int]], target: list[int], line: int, copies: list[int] | None = None) -> None:
        """Add a pair: ids that end with end of sentence, and the pair's 0-based line in the corpus; with `copies`
        where the layout has them."""
        columns = (*sources, target, *([] if copies is None else [copies]))
        for ids, rows in zip(columns, self._columns, strict=True):
            rows.add(ids)
        for ids, lengths in zip(columns, self._lengths, strict=False):
            lengths.add(len(ids))
        self._lines.add(line)
        if len(self._columns[0]) == SHARD:
            self._write_shard()

    def _write_shard(self) -> None:
        batch = pa.record_batch([rows.take() for rows in self._columns], names=list(self._layout.columns))
        path = str(_shard_path(self._path, self._shards))
        with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
            writer.write_batch(batch)
        self._shards += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and len(self._columns[0]):
            self._write_shard()
        for growing in (*self._lengths, self._lines):
            growing.close()


class _Rows:
    """Lists of ids one after the other, as Arrow keeps them."""

    def __init__(self) -> None:
        self._offsets = array("q", [0])
        self._values = array("i")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def add(self, ids: list[int]) -> None:
        self._values.extend(ids)
        self._offsets.append(len(self._values))

    def take(self) -> Any:
        offsets, values = np.array(self._offsets, dtype=np.int64), np.array(self._values, dtype=np.int32)
        self._offsets, self._values = array("q", [0]), array("i")
        return pa.LargeListArray.from_arrays(offsets, values)


class _GrowingArray:
    """An .npy file of one axis, written number by number; its header is rewritten in place at the end."""

    def __init__(self, path: Path, kind: type[np.signedinteger[Any]]) -> None:
        self._file: BinaryIO = path.open("wb")
        self._kind = kind
        self._buffer: list[int] = []
        self._count = 0
        self._write_header()

    def _write_header(self) -> None:
        header = npy.header_data_from_array_1_0(np.empty(0, self._kind))
        npy.write_array_header_1_0(self._file, {**header, "shape": (self._count,)})

    def add(self, number: int) -> None:
        self._buffer.append(number)
        if len(self._buffer) == SHARD:
            self._flush()

    def _flush(self) -> None:
        self._file.write(np.array(self._buffer, dtype=self._kind).tobytes())
        self._count += len(self._buffer)
        self._buffer = []

    def close(self) -> None:
        self._flush()
        self._file.seek(0)
        self._write_header()
        self._file.close()


def _shard_path(store: Path, number: int) -> Path:
    return store / f"pairs-{number:05d}.arrow"


def _column(column: Any) -> _Column:
    """Raises: TypeError for other values than whole numbers."""
    values = column.values.to_numpy()
    if values.dtype.kind != "i":
        raise TypeError(f"ids of type {values.dtype}")
    return _Column(column.offsets.to_numpy(), values)


def _map(path: Path) -> NDArray[np.signedinteger[Any]]:
    """The array of an .npy file, mapped; an array of nothing cannot be mapped and is read."""
    try:
        if not path.is_file():
            raise _damaged(path)
        found: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, RecursionError, MemoryError) as error:
        raise _damaged(path) from error
    if not isinstance(found, np.ndarray) or found.ndim != 1 or found.dtype.kind != "i":
        raise _damaged(path)
    return found


def _damaged(path: Path) -> DataError:
    """Of a file in a store, which lies in the folder that is prepared as a whole."""
    wrong = "not whole" if path.exists() else "missing"
    return DataError(f"{path}: {wrong}, of the prepared data", f"remove {path.parent.parent}; it is made again")

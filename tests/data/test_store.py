"""The store gives back the pairs that were written, over shard borders, without reading what is not asked for."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.data import store as store_module
from nmt.data.store import PairStore, PairWriter
from nmt.errors import DataError

ids = st.lists(st.integers(0, 2**31 - 1), max_size=6).map(lambda row: [*row, 3])
Rows = list[tuple[list[int], list[int]]]


def write(path: Path, pairs: Rows) -> PairStore:
    with PairWriter(path) as writer:
        for line, (source, target) in enumerate(pairs):
            writer.add([source], target, 10 * line)
    return PairStore(path)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "SHARD", 4)


@given(pairs=st.lists(st.tuples(ids, ids), max_size=13))
@settings(max_examples=50, deadline=None)
def test_pairs_come_back_as_they_were_written(pairs: Rows, tmp_path_factory: pytest.TempPathFactory):
    store = write(tmp_path_factory.mktemp("store") / "train", pairs)
    assert len(store) == len(pairs)
    found = [store.pair(number) for number in range(len(store))]
    assert [(source.tolist(), target.tolist()) for (source,), target, _ in found] == pairs
    lengths = [[len(side) for side in sides] for sides in zip(*pairs, strict=True)] or [[], []]
    assert [side.tolist() for side in store.lengths] == lengths
    assert store.lines.tolist() == [10 * line for line in range(len(pairs))]


def test_shards_are_arrow_files_that_others_can_read(tmp_path: Path):
    write(tmp_path / "train", [([5, 3], [6, 7, 3])] * 5)
    names = sorted(path.name for path in (tmp_path / "train").glob("*.arrow"))
    assert names == ["pairs-00000.arrow", "pairs-00001.arrow"]
    table = pa.ipc.open_file(tmp_path / "train" / names[1]).read_all()
    assert table.to_pydict() == {"source": [[5, 3]], "target": [[6, 7, 3]]}


def test_opening_a_store_maps_its_lengths_and_touches_no_shard(tmp_path: Path):
    write(tmp_path / "train", [([5, 3], [6, 3])] * 9)
    for shard in (tmp_path / "train").glob("*.arrow"):
        shard.unlink()
    store = PairStore(tmp_path / "train")
    assert len(store) == 9
    assert all(isinstance(side, np.memmap) for side in store.lengths)
    with pytest.raises(DataError, match=r"pairs-00002\.arrow: missing, of the prepared data"):
        store.pair(8)


def test_a_number_outside_the_store_is_an_index_error(tmp_path: Path):
    store = write(tmp_path / "train", [([3], [3])])
    for number in (-1, 1):
        with pytest.raises(IndexError):
            store.pair(number)


def test_a_truncated_shard_is_a_data_error_that_names_the_folder_to_remove(tmp_path: Path):
    store = write(tmp_path / "train", [([5, 3], [6, 3])] * 2)
    shard = tmp_path / "train" / "pairs-00000.arrow"
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(DataError) as caught:
        store.pair(0)
    assert caught.value.message == f"{shard}: not whole, of the prepared data"
    assert caught.value.hint == f"remove {tmp_path}; it is made again"


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"text", b"\x80\x04pickle"])
def test_a_damaged_array_is_a_data_error_without_advice_about_pickles(content: bytes, tmp_path: Path):
    write(tmp_path / "train", [([5, 3], [6, 3])])
    lengths = tmp_path / "train" / "source_lengths.npy"
    lengths.write_bytes(content)
    with pytest.raises(DataError) as caught:
        PairStore(tmp_path / "train")
    assert caught.value.message == f"{lengths}: not whole, of the prepared data"
    assert caught.value.hint == f"remove {tmp_path}; it is made again"


def test_a_folder_without_a_store_is_a_data_error(tmp_path: Path):
    with pytest.raises(DataError, match=r"source_lengths\.npy: missing, of the prepared data"):
        PairStore(tmp_path)


def fail_while_writing(path: Path) -> None:
    with PairWriter(path) as writer:
        writer.add([[3]], [3], 0)
        raise RuntimeError("halt")


def test_a_writer_that_failed_leaves_no_complete_store(tmp_path: Path):
    with pytest.raises(RuntimeError, match="halt"):
        fail_while_writing(tmp_path / "train")
    assert not list((tmp_path / "train").glob("*.arrow"))

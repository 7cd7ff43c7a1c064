"""Batches: within the budget, each pair once an epoch, the same order for any number of processes, resumable."""

import json
from collections import Counter
from itertools import chain, islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.batch import Batch
from nmt.data import batching
from nmt.data.batching import Batches, by_length, cut, sequential_batches
from nmt.data.store import PairStore, PairWriter


def make_store(path: Path, lengths: list[tuple[int, int]]) -> PairStore:
    with PairWriter(path) as writer:
        for line, (source, target) in enumerate(lengths):
            writer.add([[4 + line % 7] * (source - 1) + [3]], [5 + line % 7] * (target - 1) + [3], line)
    return PairStore(path)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PairStore:
    """3,000 pairs with lengths like those of text: log-normal, the target's near the source's."""
    chance = np.random.default_rng(0)
    source = np.clip(chance.lognormal(2.7, 0.4, 3000), 2, 80).astype(int)
    target = np.clip(source * chance.lognormal(0.05, 0.18, 3000), 2, 80).astype(int)
    return make_store(
        tmp_path_factory.mktemp("batching") / "train", list(zip(source.tolist(), target.tolist(), strict=True))
    )


def lines(batches: list[Batch]) -> list[tuple[int, ...]]:
    return [batch.lines for batch in batches]


def epoch_of(batches: Batches) -> list[Batch]:
    return list(islice(batches, batches.batches_per_epoch(batches.epoch)))


def cells(batch: Batch) -> tuple[int, int]:
    return batch.sources[0].ids_BS.numel(), batch.target_BT.numel()


def test_each_pair_comes_once_an_epoch(store: PairStore):
    batches = Batches(store, 1024, seed=1)
    for epoch in range(3):
        assert batches.epoch == epoch
        assert sorted(sum(lines(epoch_of(batches)), ())) == list(range(len(store)))


def test_no_batch_is_over_the_budget_on_either_side_padding_counted(store: PairStore):
    assert all(max(cells(batch)) <= 512 for batch in epoch_of(Batches(store, 512, seed=1)))


def test_batches_fill_their_budget(store: PairStore):
    filled = [max(cells(batch)) for batch in epoch_of(Batches(store, 1024, seed=1))]
    assert np.mean(filled) > 0.95 * 1024


def test_less_than_a_twentieth_is_padding(store: PairStore):
    batches = epoch_of(Batches(store, 256, seed=1))  # 200 batches, as Multi30k has at 3,000 tokens
    real = sum(int(side.sum()) for side in store.lengths)
    assert 1 - real / sum(sum(cells(batch)) for batch in batches) < 0.05


def test_a_pair_longer_than_the_budget_is_a_batch_of_its_own(tmp_path: Path):
    store = make_store(tmp_path / "train", [(3, 3), (50, 4), (3, 3), (4, 60)])
    found = {batch.lines for batch in epoch_of(Batches(store, 20, seed=1))}
    assert {frozenset(group) for group in found} == {frozenset({1}), frozenset({3}), frozenset({0, 2})}


def test_a_batch_holds_the_pairs_of_its_lines(tmp_path: Path):
    with PairWriter(tmp_path / "train") as writer:
        writer.add([[8, 9, 3]], [6, 3], 17)
        writer.add([[7, 3]], [5, 4, 3], 40)
    (batch,) = sequential_batches(PairStore(tmp_path / "train"), 100)
    rows = sorted(zip(batch.lines, batch.sources[0].ids_BS.tolist(), batch.target_BT.tolist(), strict=True))
    assert rows == [(17, [8, 9, 3], [6, 3, 0]), (40, [7, 3, 0], [5, 4, 3])]


def test_the_order_is_that_of_seed_and_epoch(store: PairStore):
    first, same, other = (lines(epoch_of(Batches(store, 1024, seed))) for seed in (1, 1, 2))
    assert first == same != other
    batches = Batches(store, 1024, seed=1)
    assert lines(epoch_of(batches)) != lines(epoch_of(batches))


def test_batches_of_all_lengths_are_mixed(store: PairStore):
    longest = [batch.target_BT.shape[1] for batch in epoch_of(Batches(store, 256, seed=1))]
    half = len(longest) // 2
    assert abs(np.mean(longest[:half]) - np.mean(longest[half:])) < 0.2 * np.mean(longest)


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_out_the_batches_of_one(world: int, store: PairStore):
    alone = lines(epoch_of(Batches(store, 1024, seed=1)))
    shares = [lines(epoch_of(Batches(store, 1024, 1, rank, world))) for rank in range(world)]
    for place, whole in enumerate(alone):
        assert tuple(share[place] for share in shares) == tuple(whole[rank::world] for rank in range(world))


@pytest.mark.parametrize("taken", [0, 1, 30, 200])
def test_a_saved_state_continues_with_the_same_bits(taken: int, store: PairStore):
    uninterrupted = Batches(store, 1024, seed=1)
    list(islice(uninterrupted, taken))
    resumed = Batches(store, 1024, seed=1)
    resumed.load_state(json.loads(json.dumps(uninterrupted.state())))
    assert resumed.epoch == uninterrupted.epoch
    for expected, found in zip(islice(uninterrupted, 60), islice(resumed, 60), strict=True):
        assert found.lines == expected.lines
        assert torch.equal(found.input_BT, expected.input_BT)
        assert torch.equal(found.sources[0].ids_BS, expected.sources[0].ids_BS)


def test_the_epoch_goes_up_with_its_last_batch(store: PairStore):
    batches = Batches(store, 1024, seed=1)
    count = batches.batches_per_epoch(0)
    list(islice(batches, count - 1))
    assert batches.state() == {"epoch": 0, "pool": 0, "position": count - 1}
    next(batches)
    assert batches.state() == {"epoch": 1, "pool": 0, "position": 0}


def test_a_corpus_of_many_pools_comes_once_an_epoch_and_resumes(store: PairStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batching, "POOL", 512)
    monkeypatch.setattr(batching, "BLOCK", 64)
    batches = Batches(store, 512, seed=1)
    first = epoch_of(batches)
    assert Counter(sum(lines(first), ())) == Counter(range(len(store)))
    assert lines(epoch_of(batches)) != lines(first)
    list(islice(batches, 77))
    resumed = Batches(store, 512, seed=1)
    resumed.load_state(batches.state())
    assert resumed.state()["pool"] > 0
    assert lines(list(islice(resumed, 100))) == lines(list(islice(batches, 100)))


@given(
    pairs=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=40),
    budget=st.integers(1, 200),
)
@settings(max_examples=100, deadline=None)
def test_cutting_loses_nothing_and_never_cuts_too_early(pairs: list[tuple[int, int]], budget: int):
    sides = tuple(np.array(side) for side in zip(*pairs, strict=True))
    order = by_length(sides)
    groups = [group.tolist() for group in cut(order, sides, budget)]
    assert list(chain.from_iterable(groups)) == order.tolist()

    def cost(group: list[int]) -> int:
        return max(len(group) * max(int(side[row]) for row in group) for side in sides)

    assert all(cost(group) <= budget or len(group) == 1 for group in groups)
    assert all(cost([*group, after[0]]) > budget for group, after in pairwise(groups))


def test_lengths_of_one_side_are_sorted_with_ties_by_number():
    assert by_length([np.array([3, 1, 2, 1])]).tolist() == [1, 3, 2, 0]


def test_sequential_batches_hold_each_pair_once(store: PairStore):
    found = list(sequential_batches(store, 1024))
    assert sorted(sum(lines(found), ())) == list(range(len(store)))
    assert all(max(cells(batch)) <= 1024 for batch in found)

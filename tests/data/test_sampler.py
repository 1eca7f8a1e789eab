"""The order of batches: exact, complete, and found again from (epoch, batch)."""

from __future__ import annotations

from collections import Counter

import pytest

from sedt.batch import ClipRequest
from sedt.data.sampler import GroupBatchSampler


def test_set_number_of_each_group_in_every_batch() -> None:
    sampler = GroupBatchSampler([10, 7], [4, 2], seed=3)
    batches = list(sampler)
    assert len(batches) == len(sampler) == 3
    for batch in batches:
        assert Counter(request.group for request in batch) == {0: 4, 1: 2}


def test_every_clip_is_met_equally_often() -> None:
    sampler = GroupBatchSampler([10, 7], [4, 2], seed=3)
    met: Counter[tuple[int, int]] = Counter()
    for epoch in range(70):  # 70 epochs x 3 batches x 4 clips = 84 passes over 10; x 2 = 60 passes over 7
        for batch in range(len(sampler)):
            met.update((r.group, r.index) for r in sampler.batch(epoch, batch))
    assert {met[0, i] for i in range(10)} == {84}
    assert {met[1, i] for i in range(7)} == {60}


def test_epochs_differ_and_seeds_differ() -> None:
    first = GroupBatchSampler([50], [10], seed=1)
    assert first.batch(0, 0) == GroupBatchSampler([50], [10], seed=1).batch(0, 0)
    assert [r.index for r in first.batch(0, 0)] != [r.index for r in first.batch(1, 0)]
    assert first.batch(0, 0) != GroupBatchSampler([50], [10], seed=2).batch(0, 0)
    assert {r.epoch for r in first.batch(1, 0)} == {1}


def test_a_run_that_is_cut_off_goes_on_where_it_was() -> None:
    whole = list(GroupBatchSampler([20, 9], [3, 2], seed=5, position=lambda: (4, 0)))
    rest = list(GroupBatchSampler([20, 9], [3, 2], seed=5, position=lambda: (4, 5)))
    assert rest == whole[5:]


def test_processes_share_a_batch() -> None:
    whole = list(GroupBatchSampler([20, 9], [4, 2], seed=5))
    shares = [list(GroupBatchSampler([20, 9], [4, 2], 5, rank=r, world_size=2)) for r in range(2)]
    for batch, first, second in zip(whole, *shares, strict=True):
        assert sorted(first + second) == sorted(batch)
        assert not set(first) & set(second)


def test_empty_groups_are_left_out() -> None:
    sampler = GroupBatchSampler([0, 5], [4, 2], seed=0)
    assert {type(r) for r in sampler.batch(0, 0)} == {ClipRequest}
    assert {r.group for r in sampler.batch(0, 0)} == {1}
    with pytest.raises(ValueError, match="no group"):
        GroupBatchSampler([0, 5], [4, 0], seed=0)

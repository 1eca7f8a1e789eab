"""Batches with a set number of clips of each group, in an order that a resumed run finds again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from sedt.batch import ClipRequest


class GroupBatchSampler(Sampler[list[ClipRequest]]):
    """Batches of `per_batch[g]` clips of group g, for each group that has any.

    An epoch is one pass over the first group (an incomplete last batch is filled from its next pass); the
    others run in their own circles. A group's circle c is a permutation drawn from (seed, group, c), and what
    batch b of epoch e holds follows from (seed, e, b) alone: nothing needs to be remembered.

    Args:
        group_sizes: clips in each group.
        per_batch: clips of each group in a batch, all processes together.
        seed: seed of the orders.
        position: called at the start of an iteration; gives (epoch, batches of it already done).
        rank, world_size: this process takes clips rank, rank + world_size ... of each batch.
        epoch_size: clips of the first group that make an epoch; None: all of it.
    """

    def __init__(
        self,
        group_sizes: Sequence[int],
        per_batch: Sequence[int],
        seed: int,
        position: Callable[[], tuple[int, int]] = lambda: (0, 0),
        rank: int = 0,
        world_size: int = 1,
        epoch_size: int | None = None,
    ) -> None:
        self.groups = [g for g, size in enumerate(group_sizes) if size and per_batch[g]]
        if not self.groups:
            raise ValueError("no group has clips")
        self.group_sizes, self.per_batch = list(group_sizes), list(per_batch)
        self.seed, self.position = seed, position
        self.rank, self.world_size = rank, world_size
        self.epoch_size = epoch_size or self.group_sizes[self.groups[0]]

    def __len__(self) -> int:
        """Batches in an epoch."""
        first = self.groups[0]
        return -(-self.epoch_size // self.per_batch[first])

    def __iter__(self) -> Iterator[list[ClipRequest]]:
        """Batches from the current position on."""
        epoch, done = self.position()
        for batch in range(done, len(self)):
            yield self.batch(epoch, batch)[self.rank :: self.world_size]

    def batch(self, epoch: int, batch: int) -> list[ClipRequest]:
        """All requests of one batch."""
        step = epoch * len(self) + batch
        return [
            ClipRequest(group, self._index(group, step * self.per_batch[group] + place), epoch)
            for group in self.groups
            for place in range(self.per_batch[group])
        ]

    def _index(self, group: int, place: int) -> int:
        """Clip at a place of the group's endless order."""
        circle, within = divmod(place, self.group_sizes[group])
        return int(self._order(group, circle)[within])

    def _order(self, group: int, circle: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        key = (group, circle)
        if getattr(self, "_cached_key", None) != key:
            generator = np.random.default_rng([self.seed, group, circle])
            self._cached_key, self._cached = key, generator.permutation(self.group_sizes[group])
        return self._cached

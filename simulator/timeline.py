"""From "this visit does these things in this order" to rows with times.

The apps describe visits as rows (kind, visit, order, pause before it); nothing has a time yet.
Played, the rows are put in order, each visit's pauses are summed, and visits of people who share a
device are pushed apart, so that nobody is in two places at once.
"""

from dataclasses import dataclass

import numpy as np


def expand(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parent and position of every child, for parents with these many children."""
    parent = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return parent, np.arange(len(parent)) - first[parent]


def rank_within(group: np.ndarray) -> np.ndarray:
    """Position of each row among the rows of its group, in the order given."""
    order = np.argsort(group, kind="stable")
    ranks = np.empty(len(group), dtype=np.int64)
    ranks[order] = _runs(group[order])
    return ranks


def _runs(group: np.ndarray) -> np.ndarray:
    """Position within each run of equal values."""
    n = len(group)
    new = np.ones(n, dtype=bool)
    new[1:] = group[1:] != group[:-1]
    first = np.maximum.accumulate(np.where(new, np.arange(n), 0))
    return np.arange(n) - first


def last_seen(is_source: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Row number of the latest source row at or before each row in its group, -1 if none.

    Rows of a group must be adjacent.
    """
    n = len(group)
    rows = np.arange(n)
    latest = np.maximum.accumulate(np.where(is_source, rows, -1))
    first = rows - _runs(group)
    return np.where(latest >= first, latest, -1)


def spread_out(group: np.ndarray, start: np.ndarray, duration: np.ndarray, room: int) -> np.ndarray:
    """Starts pushed later where needed, so that visits of one group are `room` apart."""
    order = np.lexsort((start, group))
    g, s, d = group[order], start[order], duration[order] + room
    before = np.cumsum(d) - d
    # A group's slack must never carry over to the next: lift each group above the one before.
    lift = (np.cumsum(np.r_[0, g[1:] != g[:-1]])) * np.int64(10**14)
    pushed = np.maximum.accumulate(s - before + lift) - lift + before
    out = np.empty(len(start), dtype=np.int64)
    out[order] = pushed
    return out


@dataclass
class Rows:
    """Rows in (visit, time) order. `ref` points into a table that belongs to the row's kind."""

    kind: np.ndarray
    visit: np.ndarray
    ref: np.ndarray
    time: np.ndarray

    def __len__(self) -> int:
        return len(self.kind)

    def where(self, keep: np.ndarray) -> "Rows":
        return Rows(self.kind[keep], self.visit[keep], self.ref[keep], self.time[keep])

    def of(self, *kinds: int) -> np.ndarray:
        """Row numbers of these kinds, in order."""
        return np.flatnonzero(np.isin(self.kind, kinds))

    def plus(self, kind: int, visit: np.ndarray, ref: np.ndarray, time: np.ndarray) -> "Rows":
        """Rows added at given times (a server's reaction to something), in their places."""
        merged = Rows(
            np.concatenate([self.kind, np.full(len(visit), kind, dtype=self.kind.dtype)]),
            np.concatenate([self.visit, visit]),
            np.concatenate([self.ref, ref]),
            np.concatenate([self.time, time]),
        )
        return merged.where(np.lexsort((merged.time, merged.visit)))


class Script:
    """What happens in every visit, in what order and after what pause."""

    def __init__(self) -> None:
        self._kinds: list[np.ndarray] = []
        self._visits: list[np.ndarray] = []
        self._orders: list[np.ndarray] = []
        self._pauses: list[np.ndarray] = []
        self._refs: list[np.ndarray] = []

    def add(
        self,
        kind: int,
        visit: np.ndarray,
        order: np.ndarray | float,
        pause_seconds: np.ndarray | float,
        ref: np.ndarray | None = None,
    ) -> None:
        n = len(visit)
        self._kinds.append(np.full(n, kind, dtype=np.int16))
        self._visits.append(visit.astype(np.int64))
        self._orders.append(np.broadcast_to(np.asarray(order, dtype=np.float64), n))
        self._pauses.append(np.broadcast_to(np.asarray(pause_seconds, dtype=np.float64), n))
        self._refs.append(np.full(n, -1, dtype=np.int64) if ref is None else ref.astype(np.int64))

    def play(
        self, start: np.ndarray, group: np.ndarray, room: int, idle: np.ndarray
    ) -> tuple[Rows, np.ndarray]:
        """Rows with times, and each visit's final start.

        `idle` is an extra pause (ms) for each visit, put before one row in its middle.
        """
        visit = np.concatenate(self._visits)
        order = np.lexsort((np.concatenate(self._orders), visit))
        visit = visit[order]
        pause = np.maximum(1, np.rint(np.concatenate(self._pauses)[order] * 1000)).astype(np.int64)
        position = _runs(visit)
        size = np.bincount(visit, minlength=len(start))
        pause[position == 0] = 0
        middle = (position == size[visit] // 2) & (position > 0)
        pause[middle] += idle[visit[middle]]
        total = np.cumsum(pause)
        base = np.zeros(len(start), dtype=np.int64)
        base[visit[position == 0]] = total[position == 0]
        offset = total - base[visit]
        duration = np.zeros(len(start), dtype=np.int64)
        np.maximum.at(duration, visit, offset)
        final = spread_out(group, start, duration, room)
        kinds = np.concatenate(self._kinds)[order]
        refs = np.concatenate(self._refs)[order]
        return Rows(kinds, visit, refs, final[visit] + offset), final

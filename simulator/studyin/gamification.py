"""Points, levels, achievements and streaks: what StudyIn's server makes of people's events."""

import numpy as np

from simulator.lines import json_texts
from simulator.parameters import DAY_MS, Plan
from simulator.studyin.kinds import (
    ACHIEVEMENT,
    LEVEL_UP,
    MATERIAL_COMPLETE,
    QUESTION_ATTEMPT,
    QUESTION_SUBMIT,
    STREAK_BROKEN,
    STREAK_CONTINUED,
    SYSTEM_KINDS,
    XP,
)
from simulator.studyin.learning import Attempts
from simulator.timeline import Rows, rank_within
from simulator.visits import Visits

# The server scores an answer, a material, a day of a streak.
XP_QUESTION, XP_MATERIAL, XP_STREAK = range(3)
XP_AMOUNTS = np.array([10, 25, 5])
XP_SOURCES = json_texts(("question_correct", "material_complete", "streak"))


def level_threshold(level: np.ndarray | int) -> np.ndarray | int:
    """Experience points at which a level begins: 0, 100, 300, 600, 1000, ..."""
    return 50 * level * (level - 1)


class Streaks:
    """Days in a row on which a person was active (UTC), and the nights on which a streak broke."""

    def __init__(self, plan: Plan, visits: Visits, rows: Rows):
        active = ~np.isin(rows.kind, SYSTEM_KINDS)
        day = np.unique(
            visits.person[rows.visit[active]] * np.int64(plan.days) + rows.time[active] // DAY_MS
        )
        self._key = day
        self.person, self.day = day // plan.days, day % plan.days
        n = len(day)
        follows = np.r_[False, (day[1:] == day[:-1] + 1) & (self.person[1:] == self.person[:-1])][
            :n
        ]
        start = np.maximum.accumulate(np.where(follows, 0, np.arange(n))) if n else np.zeros(0, int)
        self.length = np.arange(n) - start + 1
        first = np.r_[True, self.person[1:] != self.person[:-1]][:n]
        self.is_return = (self.length == 1) & ~first
        self._days = plan.days
        # Longest streak before each day, per person.
        lift = self.person * np.int64(10**6)
        best = np.maximum.accumulate(self.length + lift) - lift if n else self.length
        self.best_before = np.r_[0, best[:-1]][:n]
        self.best_before[first] = 0
        ends = np.r_[(day[1:] != day[:-1] + 1) | (self.person[1:] != self.person[:-1]), True][:n]
        broken = ends & (self.day + 2 < plan.days)
        self.broken_person = self.person[broken]
        self.broken_night = (self.day[broken] + 2) * DAY_MS
        self.broken_length = self.length[broken]

    def at(self, person: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Entry of a person's active day."""
        wanted = person * np.int64(self._days) + time // DAY_MS
        return np.minimum(np.searchsorted(self._key, wanted), max(len(self._key) - 1, 0))


def gamify(plan: Plan, visits: Visits, attempts: Attempts, streaks: Streaks, rows: Rows) -> Rows:
    """The rows with the server's reactions: points, levels, achievements, broken streaks."""
    rows = _reward_streaks(visits, streaks, rows)
    levels = _levels(visits, rows)
    achievements = _achievements(visits, attempts, streaks, rows)
    rows = rows.plus(LEVEL_UP, *levels).plus(ACHIEVEMENT, *achievements)
    if plan.has_incidents:
        # A reaction to the last answer before the outage falls into it.
        first, last = plan.outage_ms
        reacts = np.isin(rows.kind, (XP, LEVEL_UP, ACHIEVEMENT))
        rows = rows.where(~(reacts & (rows.time >= first) & (rows.time < last)))
    nights = np.arange(len(streaks.broken_person))
    # The nightly job takes some seconds to get through everybody.
    turn = streaks.broken_person * 37 % 20_000
    rows = rows.plus(STREAK_BROKEN, len(visits) + nights, nights, streaks.broken_night + turn)
    return rows.where(rows.time < plan.horizon_ms)


def running_points(visits: Visits, rows: Rows) -> np.ndarray:
    """By row: the person's total after it, for rows that earn points."""
    totals = np.zeros(len(rows), dtype=np.int64)
    at, person = _in_order(visits, rows, rows.of(XP))
    totals[at] = _running_total(person, XP_AMOUNTS[rows.ref[at]])
    return totals


def level_of(total: np.ndarray) -> np.ndarray:
    """The level that a total of points has reached, from 1."""
    return np.searchsorted(level_threshold(np.arange(1, 200)), total, side="right")


def _in_order(visits: Visits, rows: Rows, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows in the order of person and time, and their people."""
    person = visits.person[rows.visit[at]]
    order = np.lexsort((rows.time[at], person))
    return at[order], person[order]


def _reward_streaks(visits: Visits, streaks: Streaks, rows: Rows) -> Rows:
    """Points for the check-in of a day that continues a streak."""
    at = rows.of(STREAK_CONTINUED)
    entry = streaks.at(visits.person[rows.visit[at]], rows.time[at])
    at = at[streaks.length[entry] > 1]
    source = np.full(len(at), XP_STREAK)
    return rows.plus(XP, rows.visit[at], source, rows.time[at] + 60)


def _levels(visits: Visits, rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Visit, total and time of every level reached: a moment after the points that did it."""
    at, person = _in_order(visits, rows, rows.of(XP))
    amount = XP_AMOUNTS[rows.ref[at]]
    total = _running_total(person, amount)
    up = level_of(total) > level_of(total - amount)
    return rows.visit[at[up]], total[up], rows.time[at[up]] + 25


def _achievements(
    visits: Visits, attempts: Attempts, streaks: Streaks, rows: Rows
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Visit, number and time of every achievement: the n-th row of some sort for a person."""
    answers = rows.of(QUESTION_SUBMIT, QUESTION_ATTEMPT)
    right = answers[attempts.is_correct[attempts.of_question[rows.ref[answers]]]]
    check_ins = rows.of(STREAK_CONTINUED)
    entry = streaks.at(visits.person[rows.visit[check_ins]], rows.time[check_ins])
    visit, number, time = [], [], []
    for achievement, source, nth in (
        (0, answers, 1),
        (1, rows.of(MATERIAL_COMPLETE), 1),
        (2, check_ins[streaks.length[entry] == 7], 1),
        (3, right, 100),
    ):
        at, person = _in_order(visits, rows, source)
        hit = at[rank_within(person) == nth - 1]
        visit.append(rows.visit[hit])
        number.append(np.full(len(hit), achievement))
        time.append(rows.time[hit] + 35)
    return np.concatenate(visit), np.concatenate(number), np.concatenate(time)


def _running_total(person: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Running sum per person; rows in (person, time) order."""
    total = np.cumsum(amount)
    first = np.r_[True, person[1:] != person[:-1]][: len(person)]
    base = np.where(first, total - amount, 0)
    return total - np.maximum.accumulate(base) if len(person) else total

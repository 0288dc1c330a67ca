"""When people come: arrivals, weekly and daily rhythm, churn, and the planted spike."""

from dataclasses import dataclass

import numpy as np

from simulator.parameters import APPS, DAY_MS, HOUR_MS, Plan
from simulator.people import People
from simulator.texts import HOUR_WEIGHTS
from simulator.timeline import rank_within


@dataclass
class Visits:
    """One entry a visit, in order of person and time. `start` is ms since the world's start."""

    person: np.ndarray
    start: np.ndarray
    rank: np.ndarray

    def __len__(self) -> int:
        return len(self.person)


def visit_rates(plan: Plan, people: People, app: int) -> np.ndarray:
    """Expected visits, person by day."""
    b = plan.behaviour
    weekday = (np.arange(plan.days) + plan.start.weekday()) % 7
    rhythm = np.array(b.weekday_weights)[weekday]
    if plan.has_incidents and APPS[app] == b.spike_app:
        rhythm[plan.spike_day] *= b.spike_factor
    rate = people.daily_visits[:, app] * people.member[:, app] * plan.scale
    return rate[:, None] * rhythm * people.present(plan.days)


def draw_visits(rng: np.random.Generator, plan: Plan, people: People, app: int) -> Visits:
    count = rng.poisson(visit_rates(plan, people, app))
    # Somebody's first day is a day on which they came.
    members = np.flatnonzero(people.member[:, app])
    arrival = people.arrival_day[members]
    count[members, arrival] = np.maximum(count[members, arrival], 1)
    person, day = np.nonzero(count)
    repeats = count[person, day]
    person, day = np.repeat(person, repeats), np.repeat(day, repeats)

    n = len(person)
    hour = rng.choice(24, n, p=HOUR_WEIGHTS / HOUR_WEIGHTS.sum())
    local = hour * HOUR_MS + rng.integers(0, HOUR_MS, n)
    start = day * DAY_MS + (local - people.utc_offset_hours[person] * HOUR_MS) % DAY_MS
    order = np.lexsort((start, person))
    person, start = person[order], start[order]
    return Visits(person, start, rank_within(person))

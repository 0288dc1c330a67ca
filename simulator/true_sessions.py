"""The sessions and active days that are really there, worked out from the events as they happened.

By the warehouse's own definition: within one client session, a gap of more than thirty minutes
begins a new session, unless it lies between a pause and its resume; what servers send does not
count; an end that was sent after half an hour of nothing does not stretch the session.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.feeds import EventRows
from simulator.parameters import DAY_MS, MINUTE_MS, Plan
from simulator.people import People

TIMEOUT_MS = 30 * MINUTE_MS
ACTIVE_GAP_MS = MINUTE_MS


@dataclass(frozen=True)
class Deeds:
    """What people did themselves, one feed of one block, in order of visit and time."""

    visit: np.ndarray
    time: np.ndarray
    pause: np.ndarray


def deeds_of(events: EventRows) -> Deeds:
    """Without what servers send, and without ends that were sent because nothing happened."""
    counted = events.is_activity & (events.session_of_visit[events.rows.visit] >= 0)
    visit, time = events.rows.visit[counted], events.rows.time[counted]
    pause, end = events.is_pause[counted], events.is_end[counted]
    follows = np.r_[False, visit[1:] == visit[:-1]][: len(visit)]
    gap = np.where(follows, np.diff(time, prepend=0), 0)
    idle_end = end & (gap >= TIMEOUT_MS) & ~np.r_[False, pause[:-1]][: len(pause)]
    return Deeds(visit[~idle_end], time[~idle_end], pause[~idle_end])


def true_sessions(plan: Plan, people: People, events: EventRows) -> pa.Table:
    """One row per true session of one feed in one block."""
    deeds = deeds_of(events)
    visit, time, pause = deeds.visit, deeds.time, deeds.pause
    follows = np.r_[False, visit[1:] == visit[:-1]][: len(visit)]
    gap = np.where(follows, np.diff(time, prepend=0), 0)
    paused = np.r_[False, pause[:-1]][: len(pause)] & follows
    starts = ~follows | ((gap > TIMEOUT_MS) & ~paused)
    # A stretch without gaps is cut every 24 hours from its first event.
    first_time = np.maximum.accumulate(np.where(starts, np.arange(len(time)), 0))
    stretch = (time - time[first_time]) // DAY_MS
    starts |= np.r_[False, stretch[1:] != stretch[:-1]][: len(stretch)]
    at = np.flatnonzero(starts)
    last = np.r_[at[1:], len(time)] - 1 if len(at) else at
    active = np.where(starts | paused, 0, np.minimum(gap, ACTIVE_GAP_MS))
    total = np.cumsum(active)
    count = last - at + 1
    active_ms = total[last] - total[at]
    session = events.session_of_visit[visit[at]]
    person = events.person_of_visit[visit[at]]
    return pa.table(
        {
            "source_app": pa.array([events.feed.source]).take(pa.array(np.zeros(len(at), np.int8))),
            "client_session_id": events.client_session.take(pa.array(session)),
            "person": people.number[person],
            "started_at": pa.array(time[at] + plan.start_ms).cast(pa.timestamp("ms")),
            "ended_at": pa.array(time[last] + plan.start_ms).cast(pa.timestamp("ms")),
            "activity_events": count,
            "active_seconds": pa.array(
                np.where(count > 1, active_ms / 1000, np.nan), from_pandas=True
            ),
        }
    )


def active_days(plan: Plan, people: People, events: list[EventRows]) -> pa.Table:
    """One row per person and day (UTC) on which the person did something, of one app's feeds."""
    of_feeds = [(of_feed, deeds_of(of_feed)) for of_feed in events]
    person = np.concatenate([of.person_of_visit[deeds.visit] for of, deeds in of_feeds])
    time = np.concatenate([deeds.time for _, deeds in of_feeds]) + plan.start_ms
    order = np.lexsort((time, person))
    person, time = person[order], time[order]
    day = time // DAY_MS
    is_first = np.r_[True, (person[1:] != person[:-1]) | (day[1:] != day[:-1])][: len(time)]
    first = np.flatnonzero(is_first)
    last = np.r_[first[1:], len(time)][: len(first)] - 1
    return pa.table(
        {
            "source_app": pa.array([events[0].feed.source] * len(first), pa.string()),
            "person": people.number[person[first]],
            "date": pa.array(day[first].astype(np.int32)).cast(pa.date32()),
            "first_at": pa.array(time[first]).cast(pa.timestamp("ms")),
            "last_at": pa.array(time[last]).cast(pa.timestamp("ms")),
            "activity_events": last - first + 1,
        }
    )

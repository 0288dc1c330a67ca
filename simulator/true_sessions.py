"""The sessions that are really there, worked out from the events as they happened.

By the warehouse's own definition: within one client session, a gap of more than thirty minutes
begins a new session, unless it lies between a pause and its resume; what servers send does not
count; an end that was sent after half an hour of nothing does not stretch the session.
"""

import numpy as np
import pyarrow as pa

from simulator.feeds import EventRows
from simulator.parameters import DAY_MS, MINUTE_MS, Plan
from simulator.people import People

TIMEOUT_MS = 30 * MINUTE_MS
ACTIVE_GAP_MS = MINUTE_MS


def true_sessions(plan: Plan, people: People, events: EventRows) -> pa.Table:
    """One row per true session of one feed in one block."""
    counted = events.is_activity & (events.session_of_visit[events.rows.visit] >= 0)
    visit, time = events.rows.visit[counted], events.rows.time[counted]
    pause, end = events.is_pause[counted], events.is_end[counted]
    follows = np.r_[False, visit[1:] == visit[:-1]][: len(visit)]
    gap = np.where(follows, np.diff(time, prepend=0), 0)
    idle_end = end & (gap >= TIMEOUT_MS) & ~np.r_[False, pause[:-1]][: len(pause)]
    visit, time, pause, end = (column[~idle_end] for column in (visit, time, pause, end))

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

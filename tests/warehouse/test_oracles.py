"""The SQL of sessions and identity against plain Python, on random events.

The models' compiled SQL runs on tables in memory, a few milliseconds a world.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.conftest import models_alone
from tests.warehouse.references import LOOKBACK, Event, actors_of, sessions_of

MODELS = tuple(
    f"intermediate.{name}"
    for name in (
        "int_events_sessionized", "int_sessions", "int_login_epochs", "int_events_attributed",
    )
)  # fmt: skip
SECOND = 1_000_000
NOW = 1_772_000_000 * SECOND
GAPS = [0, 1, 30, 59, 60, 61, 1500, 1799, 1800, 1801, 3600, 43_200, 86_399, 86_400, 86_401]
NAMES = [
    "PAGE_VIEW", "PAGE_VIEW", "QUESTION_SUBMIT", "SESSION_PAUSE", "SESSION_RESUME", "SESSION_END",
    "USER_LOGOUT",
]  # fmt: skip


@pytest.fixture(scope="module")
def sql(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("oracle")
    with models_alone(folder, ("intermediate.int_events",), MODELS) as con:
        yield con


def key_of(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def fill(con: duckdb.DuckDBPyConnection, events: list[Event]) -> None:
    con.execute("truncate work.intermediate.int_events")
    rows = pa.table(
        {
            "event_key": [event.key for event in events],
            "source_app": ["academy"] * len(events),
            "event_name": [event.name for event in events],
            "event_category": ["NAVIGATION"] * len(events),
            "partition_key": [event.partition for event in events],
            "visitor_key": [event.visitor for event in events],
            "anonymous_key": pa.array(
                [event.visitor if event.is_device else None for event in events], pa.string()
            ),
            "user_key": pa.array([event.user for event in events], pa.string()),
            "is_activity": [event.is_activity for event in events],
            "is_clock_skewed": [event.is_skewed for event in events],
            "is_view": [event.name == "PAGE_VIEW" for event in events],
            "occurred_at": pa.array([event.time for event in events], pa.timestamp("us")),
        }
    )
    assert rows.num_rows
    con.execute("insert into work.intermediate.int_events by name select * from rows")


@st.composite
def histories(draw) -> list[Event]:
    """Events of a few partitions and visitors, close together or at the boundaries."""
    time, events = NOW, []
    for number in range(draw(st.integers(1, 25))):
        time += draw(st.sampled_from(GAPS)) * SECOND + draw(st.sampled_from([0, 0, 1, -1]))
        events.append(
            Event(
                key=key_of(f"event {number} {draw(st.integers(0, 3))}"),
                time=time,
                name=draw(st.sampled_from(NAMES)),
                partition=key_of(draw(st.sampled_from(["p", "q"]))),
                visitor=key_of("visitor"),
                is_activity=draw(st.sampled_from([True, True, True, False])),
                is_skewed=draw(st.sampled_from([False] * 9 + [True])),
            )
        )
    return events


quickly = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@quickly
@given(events=histories())
def test_sessions_are_those_of_the_reference(sql, events):
    fill(sql, events)
    expected = {
        frozenset(event.key for event in session.events): (
            min(deed.time for deed in session.deeds),
            max(deed.time for deed in session.deeds),
            session.active,
            session.deeds[0].key,
        )
        for session in sessions_of(events)
    }
    placed = sql.execute(
        "select session_id, list(event_key::varchar), sum(active_us)::bigint,"
        " any_value(event_key::varchar) filter (is_opening), count(*) filter (is_opening)"
        " from work.intermediate.int_events_sessionized where session_id is not null group by 1"
    ).fetchall()
    sessions = {
        row[0]: row[1:]
        for row in sql.execute(
            "select session_id, epoch_us(started_at), epoch_us(ended_at), active_us, event_count"
            " from work.intermediate.int_sessions"
        ).fetchall()
    }
    found = {}
    for session_id, keys, active, opening, opening_count in placed:
        started, ended, active_of_session, event_count = sessions[session_id]
        assert opening_count == 1
        assert (active_of_session, event_count) == (active, len(keys))
        found[frozenset(keys)] = (started, ended, active, opening)
    assert found == expected
    assert len(sessions) == len(found)


@st.composite
def logins(draw) -> list[Event]:
    """One or two visitors, signing in and out; some devices are everybody's."""
    count = draw(st.sampled_from([1, 3, 3, 12]))
    time, events = NOW, []
    gaps = [0, 1, 600, 86_400, LOOKBACK // SECOND - 600, LOOKBACK // SECOND]
    for number in range(draw(st.integers(1, 30))):
        time += draw(st.sampled_from(gaps)) * SECOND + draw(st.sampled_from([0, 0, 1]))
        users = st.integers(0, count - 1).map(lambda user: key_of(f"user {user}"))
        events.append(
            Event(
                key=key_of(f"event {number} {draw(st.integers(0, 3))}"),
                time=time,
                name=draw(st.sampled_from(["PAGE_VIEW"] * 4 + ["USER_LOGOUT"])),
                partition=key_of(draw(st.sampled_from(["p", "q"]))),
                visitor=key_of(draw(st.sampled_from(["one", "two"]))),
                user=draw(st.one_of(st.none(), users)),
                is_device=True,
            )
        )
    if draw(st.booleans()):  # no device: the session is the visitor
        events = [Event(**(vars(event) | {"is_device": False})) for event in events]
    return events


@quickly
@given(events=logins())
def test_everybody_is_who_the_reference_says(sql, events):
    fill(sql, events)
    rows = sql.execute(
        "select event_key::varchar, actor_key::varchar, actor_kind, session_id::varchar"
        " from work.intermediate.int_events_attributed"
    ).fetchall()
    assert len(rows) == len(events)  # epochs tile time: no event is lost, none is doubled
    expected = actors_of(events, {key: session for key, _, _, session in rows})
    assert {key: (actor, kind) for key, actor, kind, _ in rows} == expected

"""The SQL of paths against plain Python, on random sessions.

The models' compiled SQL runs on tables in memory, some hundred sessions a world.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from random import Random

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.warehouse.conftest import models_alone
from tests.warehouse.path_reference import Deed, Visit, edges_of, paths_of, steps_of

SECOND = 1_000_000
NOW = 1_772_000_000 * SECOND
INPUTS = ("intermediate.int_events_sessionized", "main.sessions")
MODELS = ("intermediate.int_session_steps", "main.path_edges", "main.common_paths")


@pytest.fixture(scope="module")
def sql(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    with models_alone(tmp_path_factory.mktemp("paths"), INPUTS, MODELS) as con:
        yield con


def fill(con: duckdb.DuckDBPyConnection, visits: list[Visit]) -> None:
    sent = [(visit, event) for visit in visits for event in visit.events]
    events = pa.table(
        {
            "event_key": [event.key for _, event in sent],
            "session_id": [visit.session for visit, _ in sent],
            "partition_key": [visit.session for visit, _ in sent],
            "source_app": [visit.app for visit, _ in sent],
            "event_name": [event.name for _, event in sent],
            "event_category": [event.category for _, event in sent],
            "place": pa.array([event.place for _, event in sent], pa.string()),
            "is_deed": [event.is_deed for _, event in sent],
            "occurred_at": pa.array([event.time for _, event in sent], pa.timestamp("us")),
        }
    )
    sessions = pa.table(
        {
            "session_id": [visit.session for visit in visits],
            "source_app": [visit.app for visit in visits],
            "person_key": [visit.person for visit in visits],
            "duration_seconds": [visit.duration for visit in visits],
        }
    )
    for name, rows in (("intermediate.int_events_sessionized", events), ("sessions", sessions)):
        assert rows.num_rows
        con.execute(f"truncate work.{name}")
        con.execute(f"insert into work.{name} by name select * from rows")


@st.composite
def histories(draw) -> list[Visit]:
    """Hypothesis chooses the size and the shape; drawing each event would take it minutes."""
    random = Random(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 200))
    kinds = draw(st.sampled_from([1, 2, 3, 8, 19, 20, 21, 40]))
    longest = draw(st.sampled_from([1, 4, 6, 11, 12, 30]))
    people = draw(st.sampled_from([1, 3, 50]))
    apps = draw(st.sampled_from([["academy"], ["academy", "studyin"]]))
    names = [_kind(number) for number in range(kinds)]
    return [_visit(random, number, names, longest, people, apps) for number in range(count)]


def _kind(number: int) -> dict:
    """A few pages, components and deeds without a place; some names begin like others."""
    if number % 3 == 0:
        return {"name": "PAGE_VIEW", "place": f"/{number}"}
    if number % 3 == 1:
        return {"name": f"MATERIAL_OPEN_{number}"}
    return {"name": "ELEMENT_CLICK", "place": f"Button{number}"}


def _visit(
    random: Random, number: int, names: list[dict], longest: int, people: int, apps: list[str]
) -> Visit:
    time, events = NOW, []
    for _ in range(random.randint(1, longest)):
        time += random.choice([0, 0, 1, 60 * SECOND])
        described = random.choice(names[: random.choice([2, len(names)])])
        chance = random.random()
        if chance < 0.05:
            described = described | {"is_deed": False}
        elif chance < 0.1:
            described = {"name": "SESSION_PAUSE", "category": "SESSION"}
        key = str(uuid.UUID(int=random.getrandbits(128)))
        events += [Deed(key=key, time=time, **described)]
        if random.random() < 0.2:
            again = str(uuid.UUID(int=random.getrandbits(128)))
            events += [Deed(key=again, time=time + random.choice([0, 1]), **described)]
    return Visit(
        session=str(uuid.UUID(int=number)),
        app=random.choice(apps),
        person=str(uuid.UUID(int=random.randrange(people))),
        duration=random.choice([0, 1, 10, 3600, 86_400]),
        events=tuple(random.sample(events, len(events))),
    )


@settings(max_examples=300, deadline=None)
@given(visits=histories())
def test_paths_are_those_of_the_reference(sql, visits):
    fill(sql, visits)
    steps = sql.execute(
        "select session_id::varchar, depth, step, repeat_count, epoch_us(started_at)"
        " from work.intermediate.int_session_steps"
    ).fetchall()
    assert Counter(steps) == Counter(steps_of(visits))

    edges = sql.execute(
        "select source_app, depth, from_step, to_step, session_count, person_count"
        " from work.path_edges"
    ).fetchall()
    assert Counter(edges) == Counter((*edge, *of) for edge, of in edges_of(visits).items())

    paths = sql.execute(
        "select source_app, path, frequency, person_count, avg_duration_seconds, dropoff_rate"
        " from work.common_paths"
    ).fetchall()
    expected = paths_of(visits)
    assert Counter(paths) == Counter(
        (*path, frequency, persons, float(duration), float(share))
        for path, (frequency, persons, duration, share) in expected.items()
    )


def test_histories_reach_the_caps():
    """Else the reference would not be asked about them."""
    random = Random(1)
    names = [_kind(number) for number in range(40)]
    visits = [_visit(random, number, names, 30, 3, ["academy"]) for number in range(200)]
    lengths = {len(visit.steps()) for visit in visits}
    assert {5, 6, 10, 11, 20, 21} <= lengths
    assert any(edge[2] == edge[3] == "other" for edge in edges_of(visits))
    assert len(paths_of(visits)) == 100
    assert any(0 < share < 1 for *_, share in paths_of(visits).values())

"""The SQL of points, levels and streaks against plain Python, on random days and awards.

The models' compiled SQL runs on tables in memory, a few people a world.
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
from tests.warehouse.points_reference import (
    DAY,
    HOUR,
    SOURCES,
    SUMMER_IN_CHICAGO,
    ZONES,
    Award,
    Deed,
    current_streak,
    days_of,
    level_of,
    longest_streak,
    points_of,
    streak_claim_of,
    streak_on,
    zone_of,
)

TODAY = SUMMER_IN_CHICAGO // DAY + 3
INPUTS = (
    "intermediate.int_events_attributed",
    "intermediate.int_award_events",
    "intermediate.int_visitor_timezones",
    "intermediate.int_actor_persons",
    "intermediate.int_person_days",
    "intermediate.int_data_watermark",
)
MODELS = (
    "intermediate.int_visitor_study_slots",
    "intermediate.int_person_timezones",
    "intermediate.int_person_study_slots",
    "intermediate.int_person_study_days",
    "intermediate.int_person_streaks",
    "intermediate.int_level_bounds",
    "intermediate.int_person_awards",
    "main.user_achievements",
    "main.gamification_progress",
)


@pytest.fixture(scope="module")
def sql(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    with models_alone(tmp_path_factory.mktemp("points"), INPUTS, MODELS) as con:
        yield con


def fill(con: duckdb.DuckDBPyConnection, deeds: list[Deed], awards: list[Award]) -> None:
    """Each person is two actors, one of whom is mapped to the other."""
    both = [*deeds, *awards]
    actors = [_alias(one.person) if place % 2 else one.person for place, one in enumerate(both)]
    times = pa.array([one.time for one in both], pa.timestamp("us"))
    people = sorted({one.person for one in both})
    everybody = pa.table(
        {
            "visitor_key": actors,
            "actor_key": actors,
            "actor_kind": ["user"] * len(both),
            "source_app": ["studyin"] * len(both),
            "consent_mode": ["full"] * len(both),
            "occurred_at": times,
        }
    )
    here, there = slice(None, len(deeds)), slice(len(deeds), None)
    of_deeds, of_awards = everybody[here], everybody[there]
    zones = of_deeds.append_column("timezone", pa.array([deed.zone for deed in deeds], pa.string()))
    events = of_deeds.append_column("is_deed", pa.array([True] * len(deeds)))
    columns = {
        "event_key": pa.array([award.key for award in awards], pa.string()),
        "event_name": pa.array([award.name for award in awards], pa.string()),
        "xp_amount": pa.array([award.amount for award in awards], pa.int64()),
        "xp_source": pa.array([award.source for award in awards], pa.string()),
        "achievement_id": pa.array([award.achievement for award in awards], pa.string()),
        "new_level": pa.array([award.level for award in awards], pa.int64()),
        "new_streak": pa.array([award.streak for award in awards], pa.int64()),
        # The two words for a total.
        "new_total_xp": pa.array([a.total if a.level is None else None for a in awards]),
        "total_xp": pa.array([a.total if a.level is not None else None for a in awards]),
    }
    for name, column in columns.items():
        of_awards = of_awards.append_column(name, column)
    earned = Counter()
    for award in awards:
        earned[award.person, award.time // DAY] += award.amount or 0
    for deed in deeds:
        earned[deed.person, deed.time // DAY] += 0
    days = pa.table(
        {
            "person_key": [person for person, _ in earned],
            "source_app": ["studyin"] * len(earned),
            "consent_mode": ["full"] * len(earned),
            "stat_date": pa.array([day for _, day in earned], pa.int32()).cast(pa.date32()),
            "xp_earned": list(earned.values()),
        }
    )
    persons = pa.table(
        {
            "actor_key": [_alias(person) for person in people],
            "actor_kind": ["user"] * len(people),
            "person_key": people,
        }
    )
    watermark = pa.table({"as_of_date": pa.array([TODAY], pa.int32()).cast(pa.date32())})
    tables = {
        "int_events_attributed": events,
        "int_award_events": of_awards,
        "int_actor_persons": persons,
        "int_person_days": days,
        "int_data_watermark": watermark,
    }
    for name, table in tables.items():
        con.register("rows", table)
        con.execute(f"truncate work.intermediate.{name}")
        con.execute(f"insert into work.intermediate.{name} by name select * from rows")
    con.register("zones", zones)
    con.execute("truncate work.intermediate.int_visitor_timezones")
    con.execute(
        "insert into work.intermediate.int_visitor_timezones by name"
        " select visitor_key, actor_key, actor_kind, timezone, max(occurred_at) as last_sent_at"
        " from zones where timezone is not null group by all"
    )


def _alias(person: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, person))


@st.composite
def histories(draw) -> tuple[list[Deed], list[Award]]:
    """Hypothesis chooses the size and the shape; drawing each event would take it minutes."""
    random = Random(draw(st.integers(0, 2**32)))
    deed_count = draw(st.sampled_from([1, 5, 30, 100]))
    award_count = draw(st.sampled_from([1, 5, 30, 100]))
    people = [str(uuid.UUID(int=n)) for n in range(1, 1 + draw(st.sampled_from([1, 3])))]
    days = draw(st.sampled_from([2, 5, 12]))
    largest = draw(st.sampled_from([1, 50, 300, 30_000]))
    zones = draw(st.sampled_from([[None], list(ZONES), [*ZONES, None, None]]))
    deeds = [_deed(random, people, days, zones) for _ in range(deed_count)]
    awards = [_award(random, number, people, days, largest) for number in range(award_count)]
    return deeds, awards


def _deed(random: Random, people: list[str], days: int, zones: list[str | None]) -> Deed:
    """Around the midnights of some zone, and around today."""
    midnight = random.choice([0, 5, 6, 15, 18, 23]) * HOUR + random.choice([0, 15, 30]) * HOUR // 60
    day = TODAY + random.randint(-days, 1)
    time = day * DAY + midnight + random.choice([-1, 0, 1, HOUR, -HOUR])
    return Deed(random.choice(people), time, random.choice(zones))


def _award(random: Random, number: int, people: list[str], days: int, largest: int) -> Award:
    common = {
        "key": str(uuid.UUID(int=random.getrandbits(128))),
        "person": random.choice(people),
        "time": (TODAY + random.randint(-days, 1)) * DAY + random.choice([0, 0, 1, HOUR]),
    }
    total = random.choice([None, random.randint(0, 3), random.randint(0, largest)])
    kind = random.random()
    if kind < 0.7:
        source = random.choice([None, "badge", *SOURCES])
        amount = random.choice([0, 1, 99, 100, largest])
        return Award(**common, amount=amount, source=source, total=total)
    if kind < 0.8:
        return Award(**common, name="LEVEL_UP", level=random.randint(0, 5), total=total)
    if kind < 0.9:
        return Award(**common, name="STREAK_BROKEN", streak=random.randint(0, 4))
    which = random.choice(["a", "b"])
    return Award(**common, name="ACHIEVEMENT_UNLOCKED", achievement=which)


def by_person(deeds: list[Deed], awards: list[Award]) -> dict[str, tuple[list, list]]:
    return {
        person: (
            [deed for deed in deeds if deed.person == person],
            [award for award in awards if award.person == person],
        )
        for person in {one.person for one in [*deeds, *awards]}
    }


@settings(max_examples=100, deadline=None)
@given(history=histories())
def test_streaks_are_those_of_the_reference(sql, history):
    fill(sql, *history)
    expected_days, expected = set(), set()
    for person, (deeds, _) in by_person(*history).items():
        for calendar, zone in (("utc", "UTC"), ("reporting", "UTC"), ("own", zone_of(deeds))):
            days = days_of(deeds, zone)
            expected_days |= {(person, calendar, day, streak_on(days, day)) for day in days}
            if days:
                lengths = longest_streak(days), current_streak(days, TODAY)
                expected |= {(person, calendar, len(days), *lengths)}
    found_days = sql.execute(
        "select person_key::varchar, calendar, study_date - date '1970-01-01', streak_days"
        " from work.intermediate.int_person_study_days"
    ).fetchall()
    assert Counter(found_days) == Counter(expected_days)
    found = sql.execute(
        "select person_key::varchar, calendar, study_day_count, longest_streak, current_streak"
        " from work.intermediate.int_person_streaks"
    ).fetchall()
    assert Counter(found) == Counter(expected)


@settings(max_examples=100, deadline=None)
@given(history=histories())
def test_points_and_levels_are_those_of_the_reference(sql, history):
    fill(sql, *history)
    expected = {}
    for person, (deeds, awards) in by_person(*history).items():
        points, days = points_of(awards), days_of(deeds, "UTC")
        level, claimed_level = level_of(points["total"]), points["claimed_level"]
        reached, next_one = 50 * level * (level - 1), 50 * level * (level + 1)
        claimed_streak, streak_difference = streak_claim_of(awards, days)
        expected[person] = (
            points["total"],
            *(points[source] for source in SOURCES),
            points["other"],
            points["repeated"],
            level,
            points["total"] - reached,
            next_one - points["total"] if level < 100 else None,
            (points["total"] - reached) / (next_one - reached) if level < 100 else None,
            len({award.achievement for award in awards} - {None}),
            current_streak(days, TODAY),
            longest_streak(days),
            points["claimed"],
            points["difference"],
            points["before"],
            claimed_level,
            None if claimed_level is None else claimed_level != level,
            claimed_streak,
            streak_difference,
        )
    found = sql.execute(
        "select person_key::varchar, total_xp, question_correct_xp, material_complete_xp,"
        " streak_xp, other_xp, repeated_xp, level, xp_into_level, xp_to_next_level,"
        " level_progress, achievement_count, current_streak, longest_streak, claimed_total_xp,"
        " xp_difference, xp_before_events, claimed_level, is_level_different, claimed_streak,"
        " streak_difference from work.gamification_progress"
    ).fetchall()
    assert len(found) == len(expected)
    assert {person: tuple(rest) for person, *rest in found} == expected


def test_every_level_begins_with_its_points(sql):
    """In the seed as in the reference, which adds where the seed multiplies."""
    rows = sql.execute("select level, xp_required from work.seeds.levels order by level").fetchall()
    assert [level for level, _ in rows] == list(range(1, 101))
    for level, xp_required in rows:
        assert level_of(xp_required) == level
        assert level == 1 or level_of(xp_required - 1) == level - 1

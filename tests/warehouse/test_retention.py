"""The SQL of retention against plain Python, on random people.

The models' compiled SQL runs on tables in memory, as in test_oracles.py.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.conftest import models_alone
from tests.warehouse.retention_reference import (
    DAY,
    EPOCH,
    GREENWICH,
    TRAITS,
    Deed,
    Person,
    midnight,
    retention_of,
)

FILLED = (
    "int_person_days", "int_visitor_utc_days", "int_actor_persons", "int_person_features",
    "int_data_watermark",
)  # fmt: skip
MODELS = (
    "intermediate.int_person_firsts", "intermediate.int_person_cohorts",
    "intermediate.int_person_returns", "main.retention", "main.retention_drivers",
)  # fmt: skip
SECOND = 1_000_000
BERLIN = ZoneInfo("Europe/Berlin")
LONG_DAY = date(2025, 10, 26)  # of 25 hours in Berlin
APPS = ["academy", "studyin", "sketchychain"]
GAPS = [
    0, 1, SECOND, 3600 * SECOND, DAY - 1, DAY, DAY + 1, 2 * DAY, 7 * DAY - 1, 7 * DAY, 28 * DAY,
    31 * DAY,
]  # fmt: skip


@pytest.fixture(scope="module")
def sql(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    yield from _sql(tmp_path_factory.mktemp("retention"), "UTC")


@pytest.fixture(scope="module")
def sql_in_berlin(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    yield from _sql(tmp_path_factory.mktemp("retention"), BERLIN.key)


def _sql(folder, zone: str) -> Iterator[duckdb.DuckDBPyConnection]:
    inputs = tuple(f"intermediate.{name}" for name in FILLED)
    with models_alone(folder, inputs, MODELS, reporting_timezone=zone) as con:
        yield con


def key_of(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def fill(con: duckdb.DuckDBPyConnection, name: str, rows: list[dict]) -> None:
    con.execute(f"truncate work.intermediate.{name}")
    if rows:
        table = pa.Table.from_pylist(rows)
        con.register("filling", table)
        con.execute(f"insert into work.intermediate.{name} by name select * from filling")


def at(time: int) -> datetime:
    return datetime.fromtimestamp(0, UTC).replace(tzinfo=None) + timedelta(microseconds=time)


def fill_days(con: duckdb.DuckDBPyConnection, deeds: list[Deed], today: date | None) -> None:
    by_day, by_utc_day = defaultdict(list), defaultdict(list)
    for deed in deeds:
        by_day[deed.person, deed.app, deed.date].append(deed)
        by_utc_day[deed.person, deed.app, at(deed.time).date()].append(deed)
    days = [
        {
            "person_key": person,
            "source_app": app,
            "stat_date": day,
            "consent_mode": "full",
            "deed_count": len(of_day),
            **times(of_day),
            **{trait: getattr(of_day[0], trait) for trait in TRAITS},
        }
        for (person, app, day), of_day in by_day.items()
    ]
    # The person's device in an app is somebody only by who it is mapped to.
    utc_days = [
        {
            "actor_key": key_of(person + app),
            "actor_kind": "unclaimed",
            "source_app": app,
            "deed_date": day,
            "consent_mode": "full",
            **times(of_day),
        }
        for (person, app, day), of_day in by_utc_day.items()
    ]
    persons = {(deed.person, deed.app) for deed in deeds}
    fill(con, "int_person_days", [*days, *noise(days)])
    fill(con, "int_visitor_utc_days", [*utc_days, *strangers(utc_days)])
    fill(
        con,
        "int_actor_persons",
        [
            {"actor_key": key_of(person + app), "actor_kind": "unclaimed", "person_key": person}
            for person, app in sorted(persons)
        ],
    )
    fill(con, "int_data_watermark", [{"as_of_date": today}] if today else [])


def times(deeds: list[Deed]) -> dict[str, datetime]:
    sorted_times = sorted(deed.time for deed in deeds)
    return {"first_deed_at": at(sorted_times[0]), "last_deed_at": at(sorted_times[-1])}


def strangers(utc_days: list[dict]) -> list[dict]:
    """Without consent, the same days."""
    return [
        day | {"actor_key": key_of(f"stranger {number}"), "consent_mode": "anonymous"}
        for number, day in enumerate(utc_days[:20])
    ]


def noise(days: list[dict]) -> list[dict]:
    """What must not matter: days of servers before and after, and people without consent."""
    nobody = {"deed_count": 0, "first_deed_at": None, "last_deed_at": None}
    taken = {(day["person_key"], day["source_app"], day["stat_date"]) for day in days}
    found = []
    for number, day in enumerate(days[:20]):
        found.append(
            day | {"person_key": key_of(f"stranger {number}"), "consent_mode": "anonymous"}
        )
        for distance in (-1, 1):
            beside = day | nobody | {"stat_date": day["stat_date"] + timedelta(days=distance)}
            if (beside["person_key"], beside["source_app"], beside["stat_date"]) not in taken:
                found.append(beside)
    return found


def random_people(
    random: Random, count: int, span: int, zone: ZoneInfo = GREENWICH
) -> tuple[list[Deed], date]:
    """Deeds close together, at the boundaries, or far apart; and a day that counts as today."""
    start = random.randint(19_700, 20_600)
    deeds = []
    if zone == BERLIN:
        start = (LONG_DAY - EPOCH).days - random.randint(0, span)
        for number in range(1 + count // 10):
            deeds += around_the_long_day(random, key_of(f"person of a long day {number}"))
    for number in range(count):
        time = (start + random.randint(0, span)) * DAY + instant(random)
        traits = {}
        for _ in range(random.randint(1, 6)):
            app = random.choice(APPS[: 1 + number % 3])
            # Of one day in one app there is one value.
            of_day = traits.setdefault(
                (app, Deed("", app, time, zone=zone).date),
                {
                    "device_type": random.choice(["mobile", "desktop", None]),
                    "browser": random.choice(["Firefox", "Safari", None]),
                    "country": random.choice(["FI", "DE", None]),
                    "entry_point": random.choice(["PAGE_VIEW /", "search", None]),
                    "user_kind": random.choice(["anonymous", "signed_in"]),
                },
            )
            deeds.append(Deed(key_of(f"person {number}"), app, time, zone=zone, **of_day))
            if random.random() < 0.5:
                time += random.choice(GAPS)
            else:
                days = random.choice([1, 1, 1, 2, 6, 7, 8, 28, 30, span])
                time = (time // DAY + days) * DAY + instant(random)
    return deeds, EPOCH + timedelta(days=start + random.randint(0, span + 40))


def around_the_long_day(random: Random, person: str) -> list[Deed]:
    """In its first hour, somewhere in it and in its last, at all sides of the first deed's time."""
    midnights = [midnight(LONG_DAY + timedelta(days=days), BERLIN) for days in (-7, 0)]
    hours = [*range(0, 3600, 900), 10, 30, 3599]
    first = midnights[0] + random.choice([0, DAY, 6 * DAY]) + random.choice(hours) * SECOND
    found = [Deed(person, "studyin", first, zone=BERLIN)]
    for begin, chance in ((0, 0.8), (random.randint(1, 23), 0.5), (24, 0.8)):
        if random.random() < chance:
            time = midnights[1] + (begin * 3600 + random.choice(hours)) * SECOND
            found.append(Deed(person, "studyin", time, zone=BERLIN))
    return found


def instant(random: Random) -> int:
    return random.choice([0, 0, 1, -1, DAY // 2, DAY - 15 * 60 * SECOND, random.randrange(DAY)])


def retention(con: duckdb.DuckDBPyConnection, breakdowns: list[str]) -> dict[tuple, tuple]:
    rows = con.execute(
        "select source_app, breakdown_name, breakdown_value, cohort_grain, cohort_start, kind,"
        " period_number, cohort_size, eligible_count, retained_count, is_complete, retention_rate"
        " from work.main.retention where breakdown_name in (select unnest(?))",
        [breakdowns],
    ).fetchall()
    for *_, eligible, retained, is_complete, rate in rows:
        assert rate == (retained / eligible if is_complete else None)
    found = {row[:7]: row[7:11] for row in rows}
    assert len(found) == len(rows)
    return found


quickly = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@quickly
@given(
    seed=st.integers(0, 2**32),
    # Over how many days people are new, and how many people are compared in a few hundred ms.
    size=st.sampled_from([(2, 900), (20, 700), (20, 700), (60, 100), (400, 40)]),
    share=st.floats(0, 1),
    trait=st.sampled_from(TRAITS),
)
def test_retention_is_that_of_the_reference(sql, seed, size, share, trait):
    span, most = size
    deeds, today = random_people(Random(seed), 1 + int(share * most), span)
    fill_days(sql, deeds, today)
    breakdowns = ["all", trait]
    assert retention(sql, breakdowns) == retention_of(deeds, today, breakdowns)


@settings(quickly, max_examples=60)
@given(seed=st.integers(0, 2**32), span=st.sampled_from([2, 20, 40]), count=st.integers(1, 200))
def test_days_of_23_and_of_25_hours_change_nothing(sql_in_berlin, seed, span, count):
    deeds, today = random_people(Random(seed), count, span, BERLIN)
    fill_days(sql_in_berlin, deeds, today)
    assert retention(sql_in_berlin, ["all"]) == retention_of(deeds, today, ["all"])


def test_a_day_of_25_hours_holds_three_periods(sql_in_berlin):
    """On 26 October Berlin's midnights are at 22:00 and 23:00 UTC."""
    begin = midnight(date(2025, 10, 20), BERLIN)
    seconds = [30, 6 * 86_400 + 10, 6 * 86_400 + 43_200, 7 * 86_400 + 1800]
    deeds = [Deed(key_of("a"), "studyin", begin + each * SECOND, zone=BERLIN) for each in seconds]
    assert [deed.date for deed in deeds[1:]] == [LONG_DAY] * 3
    today = date(2025, 10, 29)
    fill_days(sql_in_berlin, deeds, today)
    found = {
        number
        for (app, _, _, grain, _, kind, number), counts in retention(sql_in_berlin, ["all"]).items()
        if (app, grain, kind) == ("all", "day", "rolling") and counts[2] == 1
    }
    person = Person(deeds)
    assert found == {n for n in range(9) if person.outcome("day", "rolling", n, today)}
    assert found == {0, 5, 6, 7}


def test_without_data_there_is_no_cohort(sql):
    fill_days(sql, [], None)
    assert retention(sql, ["all"]) == {}
    deeds, _ = random_people(Random(1), 10, 20)
    fill_days(sql, deeds, None)
    assert retention(sql, ["all"]) == {}


def test_the_interval_of_a_difference_is_the_published_one(sql):
    """56 of 70 against 48 of 80: Newcombe, Statistics in Medicine 17 (1998) 873, method 10."""
    noon = 20_000 * DAY + DAY // 2
    deeds, features = [], []
    for number in range(150):
        person, is_adopter = key_of(f"person {number}"), number < 70
        deeds.append(Deed(person, "studyin", noon))
        if number < 56 or number >= 150 - 48:
            deeds.append(Deed(person, "studyin", noon + 7 * DAY))
        features.append(
            {
                "source_app": "studyin",
                "person_key": person,
                "feature_name": "hints",
                "use_count": 1,
                "first_used_at": pa.scalar(
                    noon if is_adopter else noon + 7 * DAY, pa.timestamp("us")
                ).as_py(),
            }
        )
    fill_days(sql, deeds, EPOCH + timedelta(days=20_100))
    fill(sql, "int_person_features", features)
    [row] = sql.execute(
        "select adopter_count, adopter_retained_count, other_count, other_retained_count,"
        " rate_difference, difference_low, difference_high"
        " from work.main.retention_drivers where source_app = 'studyin'"
    ).fetchall()
    assert row[:4] == (70, 56, 80, 48)
    assert row[4:] == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)

"""The SQL of retention against plain Python, on random people.

The models' compiled SQL runs on tables in memory, as in test_oracles.py.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.conftest import models_alone
from tests.warehouse.retention_reference import DAY, EPOCH, TRAITS, Deed, retention_of

FILLED = ("int_person_days", "int_person_features", "int_data_watermark")
MODELS = (
    "intermediate.int_person_firsts", "intermediate.int_person_cohorts",
    "intermediate.int_person_returns", "main.retention", "main.retention_drivers",
)  # fmt: skip
SECOND = 1_000_000
APPS = ["academy", "studyin", "sketchychain"]
GAPS = [
    0, 1, SECOND, 3600 * SECOND, DAY - 1, DAY, DAY + 1, 2 * DAY, 7 * DAY - 1, 7 * DAY, 28 * DAY,
    31 * DAY,
]  # fmt: skip


@pytest.fixture(scope="module")
def sql(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("retention")
    with models_alone(folder, tuple(f"intermediate.{name}" for name in FILLED), MODELS) as con:
        yield con


def key_of(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def fill(con: duckdb.DuckDBPyConnection, name: str, rows: list[dict]) -> None:
    con.execute(f"truncate work.intermediate.{name}")
    if rows:
        table = pa.Table.from_pylist(rows)
        con.register("filling", table)
        con.execute(f"insert into work.intermediate.{name} by name select * from filling")


def fill_days(con: duckdb.DuckDBPyConnection, deeds: list[Deed], today: date | None) -> None:
    by_day = defaultdict(list)
    for deed in deeds:
        by_day[deed.person, deed.app, deed.date].append(deed)
    days = [
        {
            "person_key": person,
            "source_app": app,
            "stat_date": day,
            "consent_mode": "full",
            "deed_count": len(of_day),
            "first_deed_at": pa.scalar(
                min(deed.time for deed in of_day), pa.timestamp("us")
            ).as_py(),
            "last_deed_at": pa.scalar(
                max(deed.time for deed in of_day), pa.timestamp("us")
            ).as_py(),
            **{trait: getattr(of_day[0], trait) for trait in TRAITS},
        }
        for (person, app, day), of_day in by_day.items()
    ]
    fill(con, "int_person_days", [*days, *noise(days)])
    fill(con, "int_data_watermark", [{"as_of_date": today}] if today else [])


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


def random_people(random: Random, count: int, span: int) -> tuple[list[Deed], date]:
    """Deeds close together, at the boundaries, or far apart; and a day that counts as today."""
    start = random.randint(19_700, 20_600)
    deeds = []
    for number in range(count):
        time = (start + random.randint(0, span)) * DAY + instant(random)
        traits = {}
        for _ in range(random.randint(1, 6)):
            app = random.choice(APPS[: 1 + number % 3])
            # Of one day in one app there is one value.
            of_day = traits.setdefault(
                (app, time // DAY),
                {
                    "device_type": random.choice(["mobile", "desktop", None]),
                    "country": random.choice(["FI", "DE", None]),
                    "entry_point": random.choice(["PAGE_VIEW /", "search", None]),
                    "user_kind": random.choice(["anonymous", "signed_in"]),
                },
            )
            deeds.append(Deed(key_of(f"person {number}"), app, time, **of_day))
            if random.random() < 0.5:
                time += random.choice(GAPS)
            else:
                days = random.choice([1, 1, 1, 2, 6, 7, 8, 28, 30, span])
                time = (time // DAY + days) * DAY + instant(random)
    return deeds, EPOCH + timedelta(days=start + random.randint(0, span + 40))


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


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
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

"""However events arrive, and whatever happens to builds, the tables end up the same.

Every model of the project is compared, row for row; new ones are found by themselves. More worlds:

    SIGHTLINE_WORLDS=100 python -m pytest tests/warehouse/test_arrival.py
"""

from __future__ import annotations

import os
import time
from random import Random

import pytest

from tests.warehouse.conftest import Warehouse
from tests.warehouse.worlds import arrivals, extracts, world

WORLDS = int(os.environ.get("SIGHTLINE_WORLDS", "2"))
# What tells how a record came, and not what it says.
OTHER_VARS = "{session_timeout_minutes: 5, max_users_per_device: 1, reporting_timezone: Asia/Tokyo}"
# So long before their logins there was no time: int_login_epochs fails, others have been built.
FAILING_VARS = "{identity_lookback_days: 2000000000}"
OF_THE_WAY = {"load_id", "file", "line", "item", "received_at"}


def differences(one: Warehouse, other: Warehouse, without: frozenset[str] = frozenset()) -> dict:
    """model → (rows only in the one, rows only in the other)"""
    found = {}
    with one.connect() as con:
        con.execute(f"attach '{other.folder / 'work.duckdb'}' as other (read_only)")
        for name, model in sorted(one.models().items()):
            if model["schema"] == "staging":
                continue
            known = con.execute(
                "select column_name from duckdb_columns() where database_name = 'work'"
                f" and schema_name = '{model['schema']}' and table_name = '{name}'"
            ).fetchall()
            columns = ", ".join(f'"{column}"' for (column,) in known if column not in without)
            table = f'"{model["schema"]}"."{name}"'
            here, there = (f"select {columns} from {db}.{table}" for db in ("work", "other"))
            counts = con.execute(
                f"select (select count(*) from ({here} except all {there})),"
                f" (select count(*) from ({there} except all {here}))"
            ).fetchall()[0]
            if counts != (0, 0):
                found[name] = counts
    return found


def loads_of(random: Random, count: int, size: int) -> list[dict[str, list[dict]]]:
    loads = [{} for _ in range(count)]
    for name in ("one", "two"):
        cut = arrivals(random, world(random, size, name), count)
        for load, streams in zip(loads, cut, strict=True):
            for stream, records in streams.items():
                load.setdefault(stream, []).extend(records)
    for load in loads:
        if random.random() < 0.6:
            name = random.choice(["one", "two"])
            load.update(extracts(random, name))
    return loads


@pytest.mark.parametrize("seed", range(WORLDS))
def test_incremental_builds_are_a_full_one(warehouse, seed):
    """A build after each load; between them builds of a few models, by other definitions too, and
    builds that fail or are killed half-way."""
    random = Random(seed)
    loads = loads_of(random, 5, 60)
    for number, load in enumerate(loads):
        warehouse.land(load)
        if number == 0:
            warehouse.dbt("seed")
            warehouse.dbt("run")
            continue
        fate = random.random()
        names = sorted(
            name for name, model in warehouse.models().items() if model["schema"] != "staging"
        )
        if fate < 0.25:
            warehouse.dbt("run", "-s", *random.sample(names, 4))
        elif fate < 0.4:
            warehouse.dbt("run", "-s", *random.sample(names, 4), "--vars", OTHER_VARS)
        elif fate < 0.55:
            with pytest.raises(AssertionError, match="int_login_epochs"):
                warehouse.dbt("run", "--vars", FAILING_VARS)
        elif fate < 0.8:
            build = warehouse.start_dbt("run")
            time.sleep(random.uniform(2.5, 6.0))
            build.kill()
            build.wait()
        if number < len(loads) - 1 and random.random() < 0.3:
            continue
        warehouse.dbt("run")
    full = warehouse.copy("full")
    full.dbt("run", "--full-refresh")
    assert differences(warehouse, full) == {}
    assert warehouse.query("select count(*) from events")[0][0] > 50


def test_shuffled_and_cut_otherwise_the_tables_are_the_same(warehouse, tmp_path, monkeypatch):
    """One load, and many in another order: only what tells of the way differs."""
    random = Random(99)
    records = world(random, 150)
    dump = extracts(random)
    warehouse.land(records | dump)
    warehouse.dbt("seed")
    warehouse.dbt("run")
    (tmp_path / "other").mkdir()
    other = Warehouse(tmp_path / "other", monkeypatch, warehouse.target)
    cut: list[dict[str, list[dict]]] = [{} for _ in range(4)]
    for stream, entries in records.items():
        for record in random.sample(entries, len(entries)):
            cut[random.randrange(4)].setdefault(stream, []).append(record)
            if random.random() < 0.2:
                cut[random.randrange(4)].setdefault(stream, []).append(record)
    for number, load in enumerate([*cut[:2], dump, *cut[2:]]):
        other.land(load)
        if number == 0:
            other.dbt("seed")
        other.dbt("run")
    without = frozenset(OF_THE_WAY)
    different = differences(warehouse, other, without)
    for ledger in ("load_ledger", "event_quality"):  # other files, other counts of duplicates
        different.pop(ledger, None)
    assert different == {}


def test_a_change_is_not_lost_in_a_partial_build(warehouse):
    """Who builds one model after a change elsewhere has it built from views as they were; the next
    whole build has to know."""
    random = Random(7)
    warehouse.land(world(random, 150) | extracts(random))
    project = warehouse.with_own_project()
    warehouse.dbt("seed")
    warehouse.dbt("run")
    rejected = (
        "select count(*) from rejected_events where reason = 'missing_field:confidence_level'"
    )
    assert warehouse.query(rejected) == [(0,)]

    registry = project / "seeds" / "event_registry.csv"
    text = registry.read_text(encoding="utf-8")
    stricter = text.replace(
        "QUESTION_SUBMIT,ASSESSMENT,", "QUESTION_SUBMIT,ASSESSMENT,confidence_level:int "
    )
    assert stricter != text
    registry.write_text(stricter, encoding="utf-8")
    staging = project / "models/staging/academy/stg_academy__tracking_events.sql"
    code = staging.read_text(encoding="utf-8")
    louder = code.replace(
        "sent.metadata.path as page_path", "upper(sent.metadata.path) as page_path"
    )
    assert louder != code
    staging.write_text(louder, encoding="utf-8")

    warehouse.dbt("seed")
    warehouse.dbt("run", "-s", "int_events_judged", "int_events_sessionized")
    warehouse.dbt("run")
    assert warehouse.query(rejected) != [(0,)]
    assert warehouse.query("select count(*) from events where page_path <> upper(page_path)") == [
        (0,)
    ]
    full = warehouse.copy("full")
    full.dbt("run", "--full-refresh")
    assert differences(warehouse, full) == {}


def test_the_unit_tests_pass_by_any_vars(warehouse):
    """Who sets a var can build: what a unit test expects does not depend on it."""
    warehouse.land(world(Random(3), 20))
    warehouse.dbt("seed")
    warehouse.dbt("run", "--empty")
    others = OTHER_VARS[:-1] + ", identity_lookback_days: 3, as_of_date: 2026-01-15}"
    warehouse.dbt("test", "-s", "test_type:unit", "--vars", others)


def test_without_any_activity_the_tables_are_empty(warehouse):
    warehouse.land(extracts(Random(5)))
    warehouse.dbt("build")
    assert warehouse.query("select count(*) from sessions") == [(0,)]

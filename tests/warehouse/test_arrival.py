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
    """A build after each load; between them builds of a few models, and builds that are killed."""
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
        if fate < 0.4:
            warehouse.dbt("run", "-s", *random.sample(names, 4))
        elif fate < 0.7:
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

"""Landed worlds, and the same with some events held back to arrive later.

A world of up to ten million events is simulated and landed by Sightline itself. A larger one is the
same world several times, each time two months further in the past and with other people.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from benchmarks.measuring import PROJECT, note, run

DAYS = 60
EVENTS_OF_A_USER = 266  # in so many days, about
LARGEST = 10_000_000
EVENT_TABLES = (
    "academy__tracking_events",
    "studyin__study_events",
    "sketchychain__events",
    "interaction_log__interactions",
)
# Load ids are never used twice: each copy has its own hundred thousand.
LOADS = 100_000


def sightline(folder: Path, *arguments: str) -> None:
    command = [str(PROJECT / ".venv/bin/sightline"), *arguments]
    # Exit code 3: some lines were put aside, which the simulator plants.
    run(["sh", "-c", '"$@" || [ $? -eq 3 ]', "sh", *command], SIGHTLINE_DATA=str(folder))


def land_world(folder: Path, events: int) -> Path:
    """A work file with so many events, about; made once."""
    file = folder / "work.duckdb"
    if file.exists():
        return file
    note(f"simulating and landing {min(events, LARGEST):,} events")
    simulate(folder, events)
    sightline(folder, "land")
    shutil.rmtree(folder / "landing")
    copies = round(events / LARGEST)
    with connect(file) as con:
        for copy in range(1, copies):
            for table in EVENT_TABLES:
                con.execute(_copy_of_world(con, table, copy))
            con.execute(
                "insert into raw.load_ledger select * replace ("
                f" load_id + {copy * LOADS} as load_id, '{copy}/' || file as file,"
                f" md5(sha256 || '{copy}') as sha256)"
                f" from raw.load_ledger where load_id < {LOADS}"
            )
    return file


def simulate(folder: Path, events: int) -> None:
    """The files of a world's apps, the same each time."""
    users = max(1, min(events, LARGEST) // EVENTS_OF_A_USER)
    sightline(folder, "simulate", "--users", str(users), "--days", str(DAYS), "--seed", "7")


def _copy_of_world(con: duckdb.DuckDBPyConnection, table: str, copy: int) -> str:
    columns = con.execute(f"describe raw.{table}").fetchall()
    keys = [name for name, kind, *_ in columns if kind == "UUID"]
    others = [f"md5({name}::varchar || '{copy}')::uuid as {name}" for name in keys]
    earlier = f"interval {copy * DAYS} day"
    replaced = [
        *others,
        f"event_id || '-{copy}' as event_id",
        f"occurred_at - {earlier} as occurred_at",
        f"received_at - {earlier} as received_at",
        f"load_id + {copy * LOADS} as load_id",
    ]
    return (
        f"insert into raw.{table} select * replace ({', '.join(replaced)})"
        f" from raw.{table} where load_id < {LOADS}"
    )


def connect(file: Path) -> duckdb.DuckDBPyConnection:
    config = {"storage_compatibility_version": "v1.5.0", "memory_limit": "4GB"}
    return duckdb.connect(str(file), config=config)


def count_events(file: Path) -> int:
    with connect(file) as con:
        return sum(
            con.execute(f"select count(*) from raw.{table}").fetchall()[0][0]
            for table in EVENT_TABLES
        )


def hold_back(world: Path, folder: Path, spread: bool) -> tuple[Path, Path]:
    """The world without a hundredth of its events, and a file with these: the last ones, or some of
    all times."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    base, later = folder / "work.duckdb", folder / "later.duckdb"
    shutil.copy(world, base)
    with connect(base) as con:
        con.execute(f"attach '{later}' as later")
        con.execute("create schema later.raw")
        condition = "hash(event_key) % 100 = 0" if spread else f"{_TIME} >= '{_last(con)}'"
        load_id = 1 + con.execute("select max(load_id) from raw.load_ledger").fetchall()[0][0]
        con.execute("create table later.raw.load_ledger as from raw.load_ledger limit 0")
        for number, table in enumerate(EVENT_TABLES, start=load_id):
            con.execute(
                f"create table later.raw.{table} as select * replace ({number} as load_id)"
                f" from raw.{table} where {condition}"
            )
            con.execute(f"delete from raw.{table} where {condition}")
            con.execute(
                f"insert into later.raw.load_ledger select * replace ({number} as load_id,"
                f" 'later/{table}' as file, md5('{table}') as sha256) from raw.load_ledger"
                f" where source || '__' || stream = '{table}' and status = 'loaded' limit 1"
            )
        con.execute("checkpoint")
    return base, later


# A clock that is wrong by days must not make an event one of the last.
_TIME = "least(occurred_at, received_at)"


def _last(con: duckdb.DuckDBPyConnection):
    times = " union all ".join(f"select {_TIME} as time from raw.{t}" for t in EVENT_TABLES)
    return con.execute(f"select quantile_disc(time, 0.99) from ({times})").fetchall()[0][0]


def let_arrive(later: Path, base: Path) -> None:
    with connect(base) as con:
        con.execute(f"attach '{later}' as later (read_only)")
        for table in (*EVENT_TABLES, "load_ledger"):
            con.execute(f"insert into raw.{table} from later.raw.{table}")
        con.execute("checkpoint")


def touched_shares(later: Path, base: Path) -> dict[str, float]:
    """unit → the share of all accepted events that lie in units which the later events touch."""
    with connect(base) as con:
        events = "intermediate.int_events"
        new = con.execute(f"attach '{later}' as later (read_only)") and (
            "load_id in (select load_id from later.raw.load_ledger)"
        )
        partitions = f"select partition_key from {events} where {new}"
        visitors = f"select visitor_key from {events} where partition_key in ({partitions})"
        of_sessions, of_visitors = con.execute(
            f"select avg((partition_key in ({partitions}))::int),"
            f" avg((visitor_key in ({visitors}))::int) from {events}"
        ).fetchall()[0]
    return {"session partitions": of_sessions, "visitors": of_visitors}

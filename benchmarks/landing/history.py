"""Warehouses that hold ten or thirty million rows before the landing that is measured.

A month of the simulated world is landed by Sightline itself; its rows are then copied, month by
month into the past, under new ids and times, and the ledger with them. So the history has the
columns, the widths and the order of days of a real one; what it lacks is new people each month.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

from benchmarks.landing.workloads import DAYS, STREAMS

EVENT_TABLES = tuple(stream.replace("/", "__") for stream in STREAMS)


def months_for(rows: int, month_rows: int) -> int:
    """How many copies of the month make up the rows, the month itself counted."""
    return max(1, round(rows / month_rows))


def write_history(month: Path, shorter: Path, target: Path, have: int, months: int) -> int:
    """A work file of so many months; `shorter` has the newest of them. Returns its event rows."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(shorter, target)
    config = {"storage_compatibility_version": "v1.5.0", "memory_limit": "2GB"}
    with duckdb.connect(str(target), config=config) as con:
        con.execute(f"attach '{month}' as month (read_only)")
        for back in range(have, months):
            for table in EVENT_TABLES:
                con.execute(_copy_of_month(con, table, back))
            con.execute(
                f"""
                insert into raw.load_ledger
                select * replace (
                    load_id + {_loads(back)} as load_id,
                    'earlier-{back}/' || file as file,
                    md5(sha256 || '{back}') || md5('{back}' || sha256) as sha256
                )
                from month.raw.load_ledger
                """
            )
            con.execute(
                f"""
                insert into raw.landing_files
                select * replace (
                    'earlier-{back}/' || file as file,
                    md5(sha256 || '{back}') || md5('{back}' || sha256) as sha256
                )
                from month.raw.landing_files
                """
            )
        con.execute("checkpoint")
        counts = [
            con.execute(f"select count(*) from raw.{table}").fetchall()[0][0]
            for table in EVENT_TABLES
        ]
    return sum(counts)


def _copy_of_month(con: duckdb.DuckDBPyConnection, table: str, back: int) -> str:
    earlier = f"interval {back * DAYS} day"
    return f"""
        insert into raw.{table}
        select * replace (
            load_id + {_loads(back)} as load_id,
            'earlier-{back}/' || file as file,
            md5(event_key::varchar || '{back}')::uuid as event_key,
            substr(md5(event_id || '{back}'), 1, 8) || substr(event_id, 9) as event_id,
            occurred_at - {earlier} as occurred_at,
            received_at - {earlier} as received_at
        )
        from month.raw.{table}
    """


def _loads(back: int) -> int:
    """Load ids are never used twice: each month has its own thousands."""
    return back * 100_000


def copy_to(source: Path, target: Path) -> None:
    """A fresh copy that lies on the disk: else its writing would be measured with the landing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

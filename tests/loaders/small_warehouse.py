"""A work file as dbt would leave it, of three small marts: for publishing it a hundred times."""

from __future__ import annotations

from pathlib import Path

import duckdb

from loaders.building import Column, Mart, Project
from loaders.settings import work_file

NUMBERS = {
    "date": "stat_date",
    "by": ["source_app"],
    "settled": "is_complete",
    "days_before": 0,
    "days_after": 0,
    "values": {"dau": "sum(dau)"},
}


def mart(name: str, columns: dict[str, str], key: tuple[str, ...], **meta: object) -> Mart:
    described = tuple(
        Column(column, type_, f"The {column}'s.") for column, type_ in columns.items()
    )
    return Mart(name, "core", f"One row per {key[0]}.", described, (key,), key, meta)


EVENTS = mart(
    "events",
    {
        "event_key": "bigint",
        "source_app": "varchar",
        "occurred_at": "timestamp",
        "event_date": "date",
        "person_key": "bigint",
        "load_id": "bigint",
        "properties": "json",
    },
    ("event_key",),
)
DAYS = mart(
    "days",
    {"stat_date": "date", "source_app": "varchar", "dau": "bigint", "is_complete": "boolean"},
    ("stat_date", "source_app"),
    numbers=NUMBERS,
)
RESTATEMENTS = mart(
    "restatements",
    {
        "version": "integer",
        "previous_version": "integer",
        "published_at": "timestamp",
        "table_name": "varchar",
        "number_name": "varchar",
        "number_date": "date",
        "number_of": "varchar",
        "value_before": "double",
        "value_after": "double",
        "reason": "varchar",
        "late_event_count": "bigint",
        "has_identity_change": "boolean",
        "has_changed_definition": "boolean",
    },
    ("version", "table_name", "number_name", "number_date", "number_of"),
)


def project(*marts: Mart) -> Project:
    found = marts or (EVENTS, DAYS, RESTATEMENTS)
    return Project({each.name: each for each in found}, ("days",), "UTC", "all", "macros")


def create(*marts: Mart) -> None:
    work_file().parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(work_file())) as con:
        con.execute(
            "create schema raw; create schema intermediate;"
            "create table raw.load_ledger (load_id bigint, finished_at timestamp);"
            "create table intermediate.int_data_watermark (as_of_date date);"
            "create table build_log (build_number bigint, invocation_id varchar, command varchar,"
            " is_changing boolean, has_ended boolean, test_count bigint, passed_count bigint,"
            " problem_count bigint);"
            "create table build_progress (model_name varchar, through_load_id bigint,"
            " definitions varchar)"
        )
        for each in marts or (EVENTS, DAYS, RESTATEMENTS):
            columns = ", ".join(f"{column.name} {column.type}" for column in each.columns)
            con.execute(f"create table {each.name} ({columns})")
            con.execute("insert into build_progress values (?, 0, 'as first')", [each.name])


def change(statements: str) -> None:
    """What a build does to the tables, without a word in the log."""
    with duckdb.connect(str(work_file())) as con:
        con.execute(statements)


def build(load_id: int, statements: str = "", passed: bool = True, ended: bool = True) -> None:
    """Something landed, and dbt built it."""
    with duckdb.connect(str(work_file())) as con:
        con.execute("begin transaction")
        con.execute("insert into raw.load_ledger values (?, ?)", [load_id, "2026-06-01 08:00:00"])
        con.execute("update build_progress set through_load_id = ?", [load_id])
        if statements:
            con.execute(statements)
        con.execute(
            "insert into build_log select coalesce(max(build_number), 0) + 1, "
            "'build ' || coalesce(max(build_number), 0) + 1, 'build', true, ?, 7, ?, ? "
            "from build_log",
            [ended, 7 if passed else 6, 0 if passed else 1],
        )
        con.execute("commit")


def read(path: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(query).fetchall()

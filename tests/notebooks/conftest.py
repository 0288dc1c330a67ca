"""Published files for the notebooks to read: of the planted world, of a part of it, of nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parents[2]
CONCEPTS = {path.stem: path.parent.name for path in (PROJECT / "models/marts").rglob("*.sql")}
VERSION = "published/000001/warehouse.duckdb"


def publish(built: Path, manifest: Path, folder: Path) -> None:
    """What is published of a built work file, into a folder of its own."""
    nodes = json.loads(manifest.read_text("utf-8"))["nodes"].values()
    described = {node["name"]: node["description"] for node in nodes}
    with _new(folder) as con:
        con.execute(f"attach '{built}' as built (read_only)")
        for name in CONCEPTS:
            con.execute(f"create table {name} as from built.main.{name}")
        _tell_tables(con, described)
        con.execute(
            "create table publication as select 1 as version, null::integer as previous_version,"
            " timestamp '2026-04-22 08:00:00' as published_at,"
            " (select max(load_id) from load_ledger) as through_load_id,"
            " (select max(finished_at) from load_ledger) as last_landed_at,"
            " (select as_of_date from built.intermediate.int_data_watermark) as as_of_date,"
            " '0.1.0' as sightline_version"
        )


def publish_part(whole: Path, folder: Path, keep: Callable[[str, set[str]], str]) -> None:
    """The rows of each table for which a condition holds, given its name and its columns."""
    with _new(folder) as con:
        con.execute(f"attach '{whole}' as whole (read_only)")
        for name in CONCEPTS:
            columns = {row[0] for row in con.execute(f"describe whole.{name}").fetchall()}
            con.execute(f"create table {name} as from whole.{name} where {keep(name, columns)}")
        told = con.execute("select table_name, description from whole.published_tables")
        _tell_tables(con, dict(told.fetchall()))
        con.execute("create table publication as from whole.publication")


def _new(folder: Path) -> duckdb.DuckDBPyConnection:
    (folder / VERSION).parent.mkdir(parents=True)
    (folder / "warehouse.duckdb").symlink_to(VERSION)
    return duckdb.connect(str(folder / VERSION))


def _tell_tables(con: duckdb.DuckDBPyConnection, described: dict[str, str]) -> None:
    con.execute(
        "create table published_tables"
        " (table_name varchar, concept varchar, row_count bigint, description varchar)"
    )
    for name, concept in CONCEPTS.items():
        con.execute(
            f"insert into published_tables select ?, ?, (select count(*) from {name}), ?",
            [name, concept, described[name]],
        )


@pytest.fixture(scope="session")
def whole(planted, tmp_path_factory) -> Path:
    """The data folder of the planted world, published."""
    folder = tmp_path_factory.mktemp("whole")
    manifest = planted.folder.parent / "target" / "manifest.json"
    publish(planted.folder / "work.duckdb", manifest, folder)
    return folder


@pytest.fixture(scope="session")
def one_app(whole, tmp_path_factory) -> Path:
    """As it would be with one app alone: no course, no topic, no answer. The planted world is
    clean and published once, so what is put aside and what is restated is added."""
    folder = tmp_path_factory.mktemp("one-app")

    def keep(name: str, columns: set[str]) -> str:
        if CONCEPTS[name] == "learning":
            return "false"
        if "source_app" in columns:
            return "source_app = 'interaction_log'"
        if "person_key" not in columns or "funnel_name" in columns:
            return "false"
        keys = "select person_key from whole.daily_user_stats where source_app = 'interaction_log'"
        return f"person_key in ({keys})"

    publish_part(whole / VERSION, folder, keep)
    with duckdb.connect(str(folder / VERSION)) as con:
        for table, reason, count in (
            ("rejected_events", "unknown_event_type", 3),
            ("rejected_events", "missing_field:actor", 1),
            ("quarantine", "bad_json", 2),
        ):
            con.execute(
                f"insert into {table} (source_app, reason)"
                f" select 'interaction_log', '{reason}' from range({count})"
            )
        con.execute(
            "insert into restatements by name select 1 as version, now() as published_at,"
            " 'active_users' as table_name, reason from unnest(['late_events', 'late_events',"
            " 'identity_merge']) as changed (reason)"
        )
    return folder


@pytest.fixture(scope="session")
def empty(whole, tmp_path_factory) -> Path:
    """Every table is there and none has a row: files have landed, and no day is complete."""
    folder = tmp_path_factory.mktemp("empty")
    publish_part(whole / VERSION, folder, lambda name, columns: "false")
    with duckdb.connect(str(folder / VERSION)) as con:
        con.execute("update publication set as_of_date = null, last_landed_at = null")
    return folder

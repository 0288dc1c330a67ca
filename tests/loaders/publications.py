"""A published file with tables of one's own, for tests that need no warehouse."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb


def publish(
    data: Path,
    tables: dict[str, tuple[str, dict]],
    version: int = 1,
    work: Path | None = None,
    as_of_date: str = "2026-04-11",
) -> Path:
    """Each table is a query and what its yml would declare under `config: meta: export:`. A table
    may name its folder: `learning/topics`. A work file is attached as `work`."""
    path = data / "published" / f"{version:06}.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as con:
        if work:
            con.execute(f"attach '{work}' as work (read_only)")
        con.execute(
            "create table published_tables (table_name varchar, concept varchar, row_count bigint, "
            "description varchar, meta json)"
        )
        for place, (query, declared) in tables.items():
            concept, _, name = place.rpartition("/")
            con.execute(f"create table {name} as {query}")
            [rows] = con.execute(f"select count(*) from {name}").fetchone()
            told = json.dumps({"export": declared})
            row = [name, concept or "core", rows, f"One row per {name}.", told]
            con.execute("insert into published_tables values (?, ?, ?, ?, ?)", row)
        con.execute(
            "create table publication as select "
            f"{version} as version, timestamp '2026-04-12 08:00:00' as published_at, "
            f"7::bigint as through_load_id, date '{as_of_date}' as as_of_date"
        )
    link = data / "warehouse.duckdb"
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return path

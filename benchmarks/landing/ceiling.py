"""What DuckDB alone would be told to load a world: typed columns, nested objects as JSON.

As JSON and not as STRUCT because it is quicker, and the closest to what Sightline keeps. It is a
ceiling, not a door: nothing is checked, hashed, scrubbed, deduplicated or accounted for.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from benchmarks.landing.workloads import unpack


def _columns(texts: str, times: str, bags: str) -> dict[str, str]:
    return (
        dict.fromkeys(texts.split(), "VARCHAR")
        | dict.fromkeys(times.split(), "TIMESTAMP")
        | dict.fromkeys(bags.split(), "JSON")
    )


COLUMNS = {
    "academy/tracking_events": _columns(
        "id eventType eventCategory userId sessionId courseId moduleId lessonId prompt ip_address",
        "timestamp createdAt",
        "metadata clientInfo",
    ),
    "studyin/study_events": _columns(
        "event_id event_type user_id session_id material_id chunk_id question_id topic_id"
        " ip_address",
        "timestamp",
        "properties",
    ),
    "sketchychain/events": _columns(
        "event_id event_type session_id user_id sketch_id", "timestamp", "properties metadata"
    ),
    "interaction_log/interactions": _columns(
        "sessionId userId action component ip_address", "timestamp", "details metadata"
    ),
}
_EVENT_TYPES = ("eventType", "event_type", "action")
_EVENT_IDS = ("event_id", "id")


def plan(landing: Path, dirty: bool) -> list[str]:
    """The statements: a table a stream, an insert for each shape that its files have."""
    steps = []
    for stream in sorted(landing.glob("*/*")):
        name = f"{stream.parent.name}/{stream.name}"
        columns = COLUMNS[name]
        table = name.replace("/", "__")
        listed = ", ".join(f'"{column}" {type_}' for column, type_ in columns.items())
        steps.append(f'create table "{table}" ({listed})')
        shapes: dict[str, list[str]] = {}
        for path in sorted(path for path in stream.rglob("*") if path.is_file()):
            shapes.setdefault(_shape(path), []).append(str(path))
        for shape, files in sorted(shapes.items()):
            steps.append(f'insert into "{table}" {_select(shape, files, columns, dirty)}')
    return steps


def _shape(path: Path) -> str:
    """How the file is laid out, which a user of DuckDB has to know beforehand."""
    if path.suffix == ".parquet":
        return "parquet"
    start = unpack(path)[:200]
    packing = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix, "uncompressed")
    if start.startswith(b"["):
        return f"array {packing}"
    return f"batches {packing}" if start.startswith(b'{"events"') else f"lines {packing}"


def _select(shape: str, files: list[str], columns: dict[str, str], dirty: bool) -> str:
    layout, _, packing = shape.partition(" ")
    if layout == "parquet":
        # Some of the files hold `properties` as text, others as a struct.
        return " union all by name ".join(
            f"select {_from_parquet(columns, is_text)} from read_parquet({chosen!r})"
            for is_text, chosen in _by_kind_of_properties(files).items()
        )
    what, fields = "*", columns
    if layout == "batches":
        record = ", ".join(f'"{column}" {type_}' for column, type_ in columns.items())
        what, fields = "unnest(events, recursive := true)", {"events": f"STRUCT({record})[]"}
    form = "array" if layout == "array" else "newline_delimited"
    return (
        f"select {what} from read_json({files!r}, format = '{form}', compression = '{packing}', "
        f"columns = {fields!r}, ignore_errors = {str(dirty).lower()})"
    )


def _by_kind_of_properties(files: list[str]) -> dict[bool, list[str]]:
    kinds: dict[bool, list[str]] = {}
    for file in files:
        is_text = str(pq.read_schema(file).field("properties").type) == "string"
        kinds.setdefault(is_text, []).append(file)
    return kinds


def _from_parquet(columns: dict[str, str], is_text: bool) -> str:
    bags = {"properties": "properties::json" if is_text else "to_json(properties)"}
    bags["metadata"] = "to_json(metadata)"
    return ", ".join(f'{bags.get(name, chr(34) + name + chr(34))} as "{name}"' for name in columns)


def count_wrong(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows, and which of them should not be there: nobody is told, so they are counted."""
    found = {"rows": 0, "rows_without_type_and_time": 0, "repeated_ids": 0}
    for (table,) in con.execute("select table_name from duckdb_tables()").fetchall():
        names = {row[0] for row in con.execute(f'describe "{table}"').fetchall()}
        (event_type,) = names.intersection(_EVENT_TYPES)
        ids = [name for name in _EVENT_IDS if name in names]
        repeated = f'count("{ids[0]}") - count(distinct "{ids[0]}")' if ids else "0"
        rows, empty, repeats = con.execute(
            f'select count(*), count(*) filter ("{event_type}" is null and timestamp is null), '
            f'{repeated} from "{table}"'
        ).fetchall()[0]
        found["rows"] += rows
        found["rows_without_type_and_time"] += empty
        found["repeated_ids"] += repeats
    return found

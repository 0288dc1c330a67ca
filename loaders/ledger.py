"""The books: the raw tables, what was loaded into them, and what was put aside.

All of a file's rows, its quarantined lines and its ledger row are written in one transaction, so
that they are all there or none of them is.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from loaders.files import day_in
from loaders.settings import memory_limit, patience_seconds, worker_count
from loaders.sources import EVENT_COLUMNS, PLACE_COLUMNS, Source, Stream

_LEDGER = """
create schema if not exists raw;
create table if not exists raw.load_ledger (
    load_id bigint not null,
    source varchar not null,
    stream varchar not null,
    file varchar not null,
    sha256 varchar not null,
    status varchar not null,
    reason varchar,
    format varchar,
    size_bytes bigint not null,
    line_count bigint not null,
    landed_count bigint not null,
    duplicate_count bigint not null,
    quarantined_count bigint not null,
    blank_count bigint not null,
    received_at timestamp not null,
    started_at timestamp not null,
    finished_at timestamp not null,
    key_id varchar not null,
    read_with varchar not null
);
create table if not exists raw.quarantine (
    load_id bigint not null,
    source varchar not null,
    stream varchar not null,
    file varchar not null,
    line bigint not null,
    item integer not null,
    reason varchar not null,
    detail varchar,
    length bigint not null,
    hash varchar not null,
    shape varchar not null
);
create table if not exists raw.landing_files (
    file varchar not null,
    size_bytes bigint not null,
    mtime_ns bigint not null,
    inode bigint not null,
    source varchar not null,
    stream varchar not null,
    sha256 varchar not null
);
"""

# Many BI tools and clients still read this version of a file, and not yet the newest.
STORAGE = "v1.5.0"

_COUNTS = ("line", "landed", "duplicate", "quarantined", "blank")
_LEDGER_SCHEMA = pa.schema(
    [
        ("load_id", pa.int64()),
        *((name, pa.string()) for name in ("source", "stream", "file", "sha256", "status")),
        *((name, pa.string()) for name in ("reason", "format", "key_id", "read_with")),
        ("size_bytes", pa.int64()),
        *((f"{name}_count", pa.int64()) for name in _COUNTS),
        *((f"{name}_at", pa.timestamp("us")) for name in ("received", "started", "finished")),
    ]
)


class WarehouseBusy(Exception):
    """Somebody else has the work file open; nothing was changed."""


class WarehouseProblem(Exception):
    """The work file cannot take what the sources want to write; the message says what to do."""


def connect(work_file: Path) -> duckdb.DuckDBPyConnection:
    """Open the work file for writing, waiting a while for whoever has it open."""
    work_file.parent.mkdir(parents=True, exist_ok=True)
    if not work_file.exists():
        _create(work_file)
    deadline = time.monotonic() + patience_seconds()
    settings = {
        "storage_compatibility_version": STORAGE,
        "memory_limit": memory_limit(),
        # The workers have the cores; with as many threads DuckDB would only stand in their way.
        "threads": max(1, worker_count() // 4),
        "temp_directory": str(work_file.parent / "tmp"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    while True:
        try:
            return duckdb.connect(str(work_file), config=settings)
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise
            if time.monotonic() > deadline:
                raise WarehouseBusy(
                    f"{work_file.name} is open in another program (a notebook, the duckdb shell, "
                    f"dbt?). Close it there and try again. DuckDB says: {_first_line(error)}"
                ) from None
        time.sleep(0.2)


def _create(work_file: Path) -> None:
    """An empty database, there wholly or not at all: one that was cut short while it was made
    could never be opened again."""
    for leftover in work_file.parent.glob(f".{work_file.name}.*.new*"):
        leftover.unlink(missing_ok=True)
    draft = work_file.with_name(f".{work_file.name}.{os.getpid()}.new")
    duckdb.connect(str(draft), config={"storage_compatibility_version": STORAGE}).close()
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with suppress(FileExistsError):  # dbt, say, was first
        os.link(draft, work_file)
    draft.unlink()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]


def columns_of(stream: Stream) -> list[tuple[str, str]]:
    """The raw table's columns with their SQL types."""
    own = [(column.name, column.sql_type) for column in stream.columns]
    shared = EVENT_COLUMNS if stream.is_events else ()
    return [*PLACE_COLUMNS, *shared, *own, ("properties", "json not null")]


def create_tables(con: duckdb.DuckDBPyConnection, sources: dict[str, Source]) -> None:
    """All raw tables, also the empty ones: models can be built before the first event. A source
    may gain columns; a column's type is frozen."""
    con.execute(_LEDGER)
    existing: dict[str, dict[str, str]] = {}
    for table, column, type_ in con.execute(
        "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'raw'"
        " and database_name = current_database()"
    ).fetchall():
        existing.setdefault(table, {})[column] = type_.lower()
    for source in sources.values():
        for stream in source.streams.values():
            columns = columns_of(stream)
            known = existing.get(stream.table)
            if known is None:
                listed = ", ".join(f'"{name}" {type_}' for name, type_ in columns)
                con.execute(f'create table if not exists raw."{stream.table}" ({listed})')
                continue
            for name, declared in columns:
                type_ = declared.removesuffix(" not null")
                if name not in known:
                    con.execute(f'alter table raw."{stream.table}" add column "{name}" {type_}')
                elif known[name] != type_:
                    raise WarehouseProblem(
                        f"{stream.source}.yml: streams.{stream.name}.columns.{name}: is {type_}, "
                        f"but the warehouse holds it as {known[name]}. A column's type does not "
                        "change: give the new one another name"
                    )


@dataclass
class Seen:
    """What earlier runs know of the files in landing."""

    loaded: set[tuple]
    rejected: dict[tuple, tuple[str, str]]
    files: dict[str, tuple[int, int, int, str, str, str]]


def content_of(stream: Stream | None, source: str, name: str, file: str, sha256: str) -> tuple:
    """What makes a file the same as another. A dump is what it holds and its day: one that says
    what the dump before the last one said says that everything is as it was then."""
    is_dump = stream is not None and not stream.is_events
    return source, name, sha256, day_in(file) if is_dump else None


def read_seen(con: duckdb.DuckDBPyConnection, sources: dict[str, Source]) -> Seen:
    loaded, rejected = set(), {}
    for source, stream, file, sha256, status, reason, read_with in con.execute(
        "select source, stream, file, sha256, status, reason, read_with from raw.load_ledger "
        "order by load_id"
    ).fetchall():
        spec = sources[source].streams.get(stream) if source in sources else None
        content = content_of(spec, source, stream, file, sha256)
        if status == "loaded":
            loaded.add(content)
        else:
            rejected[content] = (reason, read_with)
    files = {
        row[0]: row[1:]
        for row in con.execute(
            "select file, size_bytes, mtime_ns, inode, source, stream, sha256 "
            "from raw.landing_files"
        ).fetchall()
    }
    return Seen(loaded, rejected, files)


def next_load_id(con: duckdb.DuckDBPyConnection) -> int:
    return value_of(con, "select coalesce(max(load_id), 0) + 1 from raw.load_ledger")


def value_of(con: duckdb.DuckDBPyConnection, query: str) -> object:
    """One value. Fetched to the end: a result that is not blocks its connection."""
    return con.execute(query).fetchall()[0][0]


def has_ledger(con: duckdb.DuckDBPyConnection) -> bool:
    query = (
        "select count(*) from duckdb_tables() where schema_name = 'raw' "
        "and table_name = 'load_ledger' and database_name = current_database()"
    )
    return bool(value_of(con, query))


def key_ids(con: duckdb.DuckDBPyConnection) -> set[str]:
    rows = con.execute("select distinct key_id from raw.load_ledger where landed_count > 0")
    return {row[0] for row in rows.fetchall()}


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection):
    con.execute("begin transaction")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # rolled back by itself, or gone: nothing was kept
            con.execute("rollback")
        raise
    con.execute("commit")


def insert_rows(con: duckdb.DuckDBPyConnection, stream: Stream, rows: pa.Table) -> dict[int, int]:
    """Append the rows that are not there yet; returns how many of each load were.

    A record is there already if one with the same id and the same content is. Equal content means
    equal time, so only the history of these times is looked at, and of it only the keys.
    """
    names = [name for name, _ in columns_of(stream)]
    listed = ", ".join(f'"{name}"' for name in names)
    chosen = ", ".join(_event_key(stream) if name == "event_key" else f'"{name}"' for name in names)
    insert = f'insert into raw."{stream.table}" ({listed}) select {chosen} from incoming'
    repeats = _find_repeats(con, stream, rows)
    if repeats is None:
        _run(con, insert, incoming=rows)
        return {}
    _run(
        con,
        f"{insert} where not exists (select 1 from known where"
        " known.load_id = incoming.load_id and known.line = incoming.line"
        " and known.item = incoming.item)",
        incoming=rows,
        known=repeats,
    )
    return Counter(repeats.column("load_id").to_pylist())


def _run(
    con: duckdb.DuckDBPyConnection,
    query: str,
    parameters: dict | None = None,
    incoming: pa.Table | None = None,
    known: pa.Table | None = None,
) -> duckdb.DuckDBPyConnection:
    """Execute a query that may speak of the tables `incoming` and `known`. DuckDB finds them by
    these names here; registered, it would hold on to each of them until the transaction ends, and
    a file's memory would grow with its size."""
    return con.execute(query, parameters)


def _ask(
    con: duckdb.DuckDBPyConnection,
    query: str,
    incoming: pa.Table,
    known: pa.Table | None = None,
) -> pa.Table:
    """The answer to such a query."""
    return con.sql(query).to_arrow_table()


def _event_key(stream: Stream) -> str:
    return f"md5('{stream.source}|' || event_id)::uuid"


def _find_repeats(
    con: duckdb.DuckDBPyConnection, stream: Stream, rows: pa.Table
) -> pa.Table | None:
    """The places of the incoming records that are there already."""
    table = f'raw."{stream.table}"'
    if stream.is_events:
        key, known_key, told_apart_by = _event_key(stream), "event_key", "event_id"
        column, zone, scope = "occurred_at", "::timestamp", ""
    else:
        # A dump's rows are kept as each dump has them: the newest wins, and what is missing from
        # a later dump can be seen to be missing. Only within one file is a repeat a repeat.
        told_apart_by = f"concat_ws('|', load_id, {', '.join(stream.key)})"
        key = known_key = f"md5({told_apart_by})::uuid"
        column, zone, scope = "load_id", "", "load_id, "
    # Nearly all batches hold no repeat and tell so cheaply: as many hashes as rows, and no key of
    # theirs in the history of their times.
    [(differing, least, most)] = _run(
        con,
        f"select count(distinct hash({told_apart_by})), min({column}), max({column}) from incoming",
        incoming=rows,
    ).fetchall()
    history = f"{table}.{column} between '{least}'{zone} and '{most}'{zone}"
    has_history = value_of(con, f"select exists (select 1 from {table} where {history})")
    within = f"select {key} as record_key from incoming group by 1 having count(*) > 1"
    before = (
        f"select {known_key} as record_key from {table} where {history}"
        f" and {known_key} in (select {key} from incoming)"
    )
    parts = [within] * (differing < rows.num_rows) + [before] * has_history
    if not parts:
        return None
    suspects = _ask(con, " union ".join(parts), incoming=rows)
    if not suspects.num_rows:
        return None
    own = columns_of(stream)[len(PLACE_COLUMNS) :]
    content = ", ".join(f'"{name}"' for name, _ in own if name != "event_key")
    repeats = _ask(
        con,
        f"""
        with candidates as (
            select true as is_new, load_id, line, item, {content} from incoming
            where {key} in (select record_key::uuid from known)
            union all
            select false as is_new, load_id, line, item, {content} from {table}
            where {history} and {known_key} in (select record_key::uuid from known)
        ),
        numbered as (
            select
                *,
                row_number() over (
                    partition by {scope}{content} order by is_new, load_id, line, item
                ) as turn
            from candidates
        )
        select load_id, line, item from numbered where is_new and turn > 1
        """,
        incoming=rows,
        known=suspects,
    )
    return repeats if repeats.num_rows else None


def insert_quarantine(con: duckdb.DuckDBPyConnection, stream: Stream, lines: list[tuple]) -> None:
    if not lines:
        return
    schema = pa.schema(
        [
            ("load_id", pa.int64()),
            ("file", pa.string()),
            ("line", pa.int64()),
            ("item", pa.int32()),
            ("reason", pa.string()),
            ("detail", pa.string()),
            ("length", pa.int64()),
            ("hash", pa.string()),
            ("shape", pa.string()),
        ]
    )
    columns = [list(column) for column in zip(*lines, strict=True)]
    _run(
        con,
        "insert into raw.quarantine by name "
        "select *, $source as source, $stream as stream from incoming",
        {"source": stream.source, "stream": stream.name},
        incoming=pa.table(columns, schema=schema),
    )


def insert_ledger(con: duckdb.DuckDBPyConnection, entries: list[dict]) -> None:
    rows = pa.Table.from_pylist(entries, schema=_LEDGER_SCHEMA)
    _run(con, "insert into raw.load_ledger by name select * from incoming", incoming=rows)


def remember_files(con: duckdb.DuckDBPyConnection, entries: list[tuple]) -> None:
    """So that the next run need not read them again to know them."""
    if not entries:
        return
    names = ("file", "size_bytes", "mtime_ns", "inode", "source", "stream", "sha256")
    table = pa.table([list(column) for column in zip(*entries, strict=True)], names=names)
    with transaction(con):
        _run(
            con,
            "delete from raw.landing_files where file in (select file from incoming)",
            incoming=table,
        )
        listed = ", ".join(names)
        _run(con, f"insert into raw.landing_files select {listed} from incoming", incoming=table)

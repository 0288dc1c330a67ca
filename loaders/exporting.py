"""`sightline export`: published tables as files for others, with a manifest beside them.

    warehouse.duckdb ──► draft folder ──► exports/<version>-<what>-<format>/
      (read-only)         *.csv|jsonl|parquet, manifest.json last; renamed when whole

What a table is stands in its yml, under `config: meta: export:`, and is published with it. `people`
are rows about single people: their keys are hashed again, under a secret of this export that is
never stored. `cells` are counts of people: small ones are suppressed (`loaders/suppression.py`).
`plain` tables are about files and references. docs/exporting.md says what that protects, and what
it does not.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from importlib.metadata import version as version_of
from pathlib import Path

import duckdb
import orjson

from loaders.settings import data_folder, memory_limit, published_file
from loaders.suppression import FEWEST, Cells, mark_hidden, quoted

ENDINGS = {"csv": "csv", "json": "jsonl", "parquet": "parquet"}
_DRAFT = ".draft-"


class ExportProblem(Exception):
    """Nothing was exported; the message says why and what to do."""


@dataclass(frozen=True)
class Table:
    name: str
    concept: str
    rows: int
    description: str
    declared: dict

    @property
    def kind(self) -> str:
        return self.declared["kind"]

    @property
    def date(self) -> str | None:
        return self.declared.get("date")

    @property
    def keys(self) -> list[str]:
        return self.declared.get("keys", [])


@dataclass(frozen=True)
class Wish:
    """What somebody asked for."""

    tables: tuple[str, ...] = ()
    set_name: str | None = None
    format: str = "csv"
    first: date | None = None
    last: date | None = None
    out: Path | None = None
    keep_keys: bool = False
    free_text: bool = False


@dataclass(frozen=True)
class Exported:
    folder: Path
    manifest: dict

    def as_text(self) -> str:
        files, lines = self.manifest["files"], []
        width = max(len(entry["table"]) for entry in files)
        for entry in files:
            notes = [entry["kind"]]
            hidden = entry.get("suppressed")
            if hidden and (hidden["rows_left_out"] or hidden["numbers_left_out"]):
                notes.append(
                    f"{hidden['rows_left_out']:,} rows and {hidden['numbers_left_out']:,} other "
                    "numbers suppressed"
                )
            if entry.get("note"):
                notes.append(entry["note"])
            lines.append(f"{entry['table']:<{width}} {entry['rows']:>12,} rows  {'; '.join(notes)}")
        lines.append(f"\nVersion {self.manifest['version']} → {self.folder}")
        lines += [f"Mind: {text}" for text in self.manifest["mind"]]
        return "\n".join(lines)

    def as_json(self) -> str:
        options = orjson.OPT_INDENT_2 | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
        return orjson.dumps(self.manifest, option=options).decode()


Progress = Callable[[float, float, int], None]


@contextmanager
def open_published() -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file as it is now, attached as `published` to a database of our own: a later
    publication changes nothing of what is read, and nobody waits for anybody."""
    link = published_file()
    if not link.exists():
        raise ExportProblem(
            f"{link}: nothing is published yet. Run: sightline run (or, after a build that passed, "
            "sightline publish)"
        )
    settings = {
        "memory_limit": memory_limit(),
        # Beyond it DuckDB spills in plain text, so inside the data folder.
        "temp_directory": str(data_folder() / "tmp"),
        "autoinstall_known_extensions": False,
        # What is written is held back for nothing else: rows of people have no order to keep.
        "preserve_insertion_order": False,
    }
    with duckdb.connect(config=settings) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("set enable_progress_bar = true")  # query_progress() needs it; we show it
        con.execute("set enable_progress_bar_print = false")
        path = str(link.resolve()).replace("'", "''")
        con.execute(f"attach '{path}' as published (read_only)")
        con.execute("use published")
        yield con


def known_tables(con: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    found = con.execute(
        "select table_name, concept, row_count, description, meta from published_tables "
        "order by concept, table_name"
    ).fetchall()
    tables = [Table(*entry, orjson.loads(meta).get("export") or {}) for *entry, meta in found]
    silent = [table.name for table in tables if "kind" not in table.declared]
    if silent:
        raise ExportProblem(
            f"{', '.join(silent)}: published without a word on what an export may show of it. "
            "Add config: meta: export: to its yml, then build and publish again"
        )
    return {table.name: table for table in tables}


def sets_of(tables: dict[str, Table]) -> dict[str, list[Table]]:
    """The folders of the marts; `counts`, all that has no rows about single people; and `all`."""
    sets = {"all": list(tables.values())}
    sets["counts"] = [table for table in tables.values() if table.kind != "people"]
    for table in tables.values():
        sets.setdefault(table.concept, []).append(table)
    return sets


def chosen(wish: Wish, tables: dict[str, Table]) -> list[Table]:
    sets = sets_of(tables)
    if wish.set_name:
        if wish.set_name not in sets:
            raise ExportProblem(
                f"there is no set {wish.set_name!r}; there are {', '.join(sorted(sets))}"
            )
        return sets[wish.set_name]
    for name in wish.tables:
        if name not in tables:
            near = difflib.get_close_matches(name, tables, n=3, cutoff=0.5)
            hint = f"Did you mean {' or '.join(near)}?" if near else "See: sightline export --list"
            if name in sets:
                hint = f"It is a set: sightline export --set {name}"
            raise ExportProblem(f"there is no published table {name!r}. {hint}")
    found = [tables[name] for name in dict.fromkeys(wish.tables)]
    undated = [table.name for table in found if not table.date]
    if undated and (wish.first or wish.last):
        raise ExportProblem(
            f"{', '.join(undated)}: no date to go by, as {_is_or_are(undated)} over all time. "
            "Export without --from and --to"
        )
    return found


def _is_or_are(names: Sequence[str]) -> str:
    return "it is" if len(names) == 1 else "they are"


def export(wish: Wish, on_progress: Progress = lambda *_: None) -> Exported:
    if wish.first and wish.last and wish.first > wish.last:
        raise ExportProblem(f"--from {wish.first} is after --to {wish.last}")
    with _in_words(), open_published() as con:
        tables = chosen(wish, known_tables(con))
        [published] = _dicts(con, "from publication")
        folder = wish.out or _exports() / _name_of(wish, published["version"])
        if folder.exists() or folder.is_symlink():
            raise ExportProblem(
                f"{folder} is there already, and an export replaces nothing. Remove it, or name "
                "another folder with --out"
            )
        with _draft_of(folder) as draft:
            files = _write(con, tables, wish, draft, on_progress)
            manifest = _manifest(wish, published, files)
            exported = Exported(folder, manifest)
            _write_whole(draft / "manifest.json", exported.as_json().encode() + b"\n")
    return exported


def list_tables() -> str:
    with _in_words(), open_published() as con:
        tables = known_tables(con)
    width = max(map(len, tables))
    lines = [f"{'table':<{width}}  {'set':<12} {'rows':>12}  {'kind':<6} date"]
    lines += [
        f"{table.name:<{width}}  {table.concept:<12} {table.rows:>12,}  {table.kind:<6} "
        f"{table.date or '-'}"
        for table in tables.values()
    ]
    return "\n".join(
        [*lines, "", f"Sets: {', '.join(sorted(sets_of(tables)))} (counts: cells and plain tables)"]
    )


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except duckdb.Error as error:
        raise ExportProblem(
            f"{published_file()} could not be exported. DuckDB says: "
            f"{str(error).partition(chr(10))[0][:300]}"
        ) from None


def _exports() -> Path:
    return data_folder() / "exports"


def _name_of(wish: Wish, version: int) -> str:
    what = wish.set_name or "-".join(dict.fromkeys(wish.tables))
    if len(what) > 60:
        what = f"{len(set(wish.tables))}-tables"
    parts = [f"{version:06}", what]
    parts += [f"from-{wish.first}"] if wish.first else []
    parts += [f"to-{wish.last}"] if wish.last else []
    parts += ["kept-keys"] if wish.keep_keys else []
    parts += ["free-text"] if wish.free_text else []
    return "-".join([*parts, wish.format])


@contextmanager
def _draft_of(folder: Path) -> Iterator[Path]:
    """A folder that gets its name only when it is whole. What a killed export left is removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f"{_DRAFT}*"):
        process = left.name.removeprefix(_DRAFT).partition("-")[0]
        if process.isdigit() and not _is_alive(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    draft = folder.parent / f"{_DRAFT}{os.getpid()}-{secrets.token_hex(4)}"
    draft.mkdir(mode=0o700)  # rows about people are for who made the export to pass on
    try:
        yield draft
        _sync(draft)
        try:
            os.rename(draft, folder)
        except OSError:
            if not folder.exists():
                raise
            raise ExportProblem(f"{folder} was made by another export meanwhile") from None
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_whole(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _write(
    con: duckdb.DuckDBPyConnection,
    tables: list[Table],
    wish: Wish,
    draft: Path,
    on_progress: Progress,
) -> list[dict]:
    con.execute("set variable export_secret = ?", [secrets.token_hex(32)])
    total, done, files = sum(table.rows for table in tables) or 1, 0, []
    for table in tables:
        on_progress(done, total, len(files))  # to judge the cells of a table can take a while
        path = draft / f"{table.name}.{ENDINGS[wish.format]}"
        columns = _dicts(
            con,
            "select column_name as name, data_type as type, coalesce(comment, '') as description "
            "from duckdb_columns() where database_name = 'published' and schema_name = 'main' "
            "and table_name = ? order by column_index",
            [table.name],
        )
        selected = _Selected(con, table, columns, wish)
        rows = _copy(
            con,
            selected.query,
            path,
            wish.format,
            partial(_tell, on_progress, done, table.rows, total, len(files)),
        )
        done += table.rows
        _sync(path)
        files.append(
            {
                "file": path.name,
                "table": table.name,
                "kind": table.kind,
                "description": table.description.strip(),
                "rows": rows,
                "bytes": path.stat().st_size,
                "sha256": _sha256(path),
                "columns": selected.columns,
                **selected.remarks,
            }
        )
        selected.forget()
    return files


def _tell(
    on_progress: Progress, before: int, rows: int, total: int, files: int, share: float
) -> None:
    on_progress(before + share * rows, total, files)


class _Selected:
    """The query that gives a table's rows as they may leave, and what is to be said of them."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, table: Table, columns: list[dict], wish: Wish
    ):
        self.con, self.table, self.wish = con, table, wish
        left_out = {*table.declared.get("left_out", ())}
        if not wish.free_text:
            left_out |= {*table.declared.get("free_text", ())}
        self.remarks: dict = {}
        if left_out:
            self.remarks["columns_left_out"] = sorted(left_out)
        kept = [column for column in columns if column["name"] not in left_out]
        source, where, order, hidden = f"published.main.{quoted(table.name)}", [], "", {}
        if table.kind == "cells":
            cells = Cells.of(table.declared)
            flags = mark_hidden(con, source, cells, "temp.main._marked")
            source, order = "temp.main._marked", ", ".join(map(quoted, cells.cell))
            hidden = {name: flags[group.name] for group in cells.people for name in group.hides}
            where.append(f"not ({_all_hidden(cells, flags)})")
        in_range = self._range()
        if in_range:
            where.append(in_range)
        self.columns, selected = [], []
        for column in kept:
            name, handling = column["name"], None
            value = quoted(name)
            if name in hidden:
                value = f"case when not {hidden[name]} then {value} end"
            if name in table.keys and not wish.keep_keys:
                value, handling = _hashed_again(value), "hashed again"
            else:
                value = _written(value, column["type"], wish.format)
            selected.append(f"{value} as {quoted(name)}")
            self.columns.append(
                {**column, "type": _type_of(column, name in table.keys, wish)}
                | ({"handling": handling} if handling else {})
            )
        if table.kind == "cells":
            any_hidden = " or ".join(sorted(set(hidden.values()))) or "false"
            selected.append(f"({any_hidden}) as is_suppressed")
            self.columns.append(
                {
                    "name": "is_suppressed",
                    "type": "BOOLEAN",
                    "description": "Whether a number of the row is null because it is suppressed.",
                }
            )
            self._count_suppressed(cells, flags, in_range)
        if wish.format == "csv":  # spreadsheets take a file for UTF-8 by its first three bytes
            first, _, name = selected[0].rpartition(" as ")
            selected[0] = f"{first} as {quoted(chr(0xFEFF) + name.strip(chr(34)))}"
        self.query = f"select {', '.join(selected)} from {source} as source"
        if where:
            self.query += f" where {' and '.join(where)}"
        if order:
            self.query += f" order by {order}"
        elif self._has_order_to_hide(columns):
            self.query += f" order by {_hashed_again('source.' + quoted(table.keys[0]))}"

    def _has_order_to_hide(self, columns: list[dict]) -> bool:
        """Tables hold their rows in the order of keys, which would be the same in two exports.
        Rows that have a time are found by it in any order, and are too many to sort."""
        table = self.table
        if table.kind != "people" or self.wish.keep_keys or not table.keys:
            return False
        return not any(
            column["name"] == table.date and column["type"] == "TIMESTAMP" for column in columns
        )

    def _range(self) -> str:
        first, last = self.wish.first, self.wish.last
        if not (first or last):
            return ""
        if not self.table.date:
            self.remarks["note"] = "no date to go by: exported whole"
            return ""
        day = f"cast({quoted(self.table.date)} as date)"
        bounds = [f"{day} >= date '{first}'"] if first else []
        bounds += [f"{day} <= date '{last}'"] if last else []
        self.remarks["dated_by"] = self.table.date
        return " and ".join(bounds)

    def _count_suppressed(self, cells: Cells, flags: dict[str, str], in_range: str) -> None:
        nothing_left = f"({_all_hidden(cells, flags)})"
        within = f" where {in_range}" if in_range else ""
        numbers = " + ".join(
            f"{len(group.hides)} * count(*) filter "
            f"(where not {nothing_left} and {flags[group.name]})"
            for group in cells.people
        )
        cut, rows, others = self.con.execute(
            f"select count(*), count(*) filter (where {nothing_left}), {numbers} "
            f"from temp.main._marked{within}"
        ).fetchone()
        [everything] = self.con.execute(
            f"select count(*) from published.main.{quoted(self.table.name)}{within}"
        ).fetchone()
        self.remarks["suppressed"] = {
            "below_people": FEWEST,
            "rows_left_out": rows,
            "numbers_left_out": others,
            "rows_of_other_cuts_left_out": everything - cut,
        }

    def forget(self) -> None:
        self.con.execute("drop table if exists temp.main._marked")


def _all_hidden(cells: Cells, flags: dict[str, str]) -> str:
    """Of such a row nothing is left; where the first group is hidden all are."""
    return " and ".join(flags[group.name] for group in cells.people if group.hides)


def _hashed_again(value: str) -> str:
    """Equal keys stay equal within an export, whatever the column and its type."""
    return f"left(sha256(getvariable('export_secret') || cast({value} as varchar)), 32)"


def _written(value: str, type: str, format: str) -> str:
    """As a program in any language, or a spreadsheet, reads it."""
    if type == "UUID":
        return f"cast({value} as varchar)"
    if type == "TIMESTAMP":
        if format == "parquet":
            return f"({value}) at time zone 'UTC'"
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if type in ("DOUBLE", "FLOAT"):  # JSON has no word for what is no number, spreadsheets several
        return f"case when isfinite({value}) then {value} end"
    if format != "csv" or type in ("BOOLEAN", "DATE") or "INT" in type or "DECIMAL" in type:
        return value
    return _defused(value if type == "VARCHAR" else f"cast(to_json({value}) as varchar)")


_WIDE = "\uff1d\uff0b\uff0d\uff20"  # = + - @ as East Asian keyboards have them
# What makes a spreadsheet take a text for a formula, also as its full-width twin, behind blanks
# and quotes; at the beginning of the text, and behind what another spreadsheet separates cells by.
_FORMULA = rf"""(^|[;\t\r\n])(["'\s]*)([=+\-@\t\r{_WIDE}])"""
_NUMBER = r"[+-]?[0-9]+([.,][0-9]+)?"
_FIRST = f"=+-@{_WIDE}\"' \t\r\n"
_ANYWHERE = ";\t\r\n"


def _defused(value: str) -> str:
    pattern = _FORMULA.replace("'", "''")
    # Regular expressions are slow, and hardly any text needs them.
    suspicious = [f"left({value}, 1) in ({', '.join(f'chr({ord(each)})' for each in _FIRST)})"]
    suspicious += [f"contains({value}, chr({ord(each)}))" for each in _ANYWHERE]
    return (
        f"case when not ({' or '.join(suspicious)}) then {value} "
        f"when regexp_full_match({value}, '{_NUMBER}') then {value} "
        f"else regexp_replace({value}, '{pattern}', '\\1''\\2\\3', 'g') end"
    )


def _type_of(column: dict, is_key: bool, wish: Wish) -> str:
    if column["type"] == "UUID" or is_key:
        return "VARCHAR"
    if column["type"] == "TIMESTAMP":
        return "TIMESTAMP WITH TIME ZONE" if wish.format == "parquet" else "ISO 8601, UTC"
    return column["type"]


_OPTIONS = {
    "csv": "format csv, header true, delimiter ',', quote '\"', escape '\"', nullstr ''",
    "json": "format json, array false",
    "parquet": "format parquet, compression zstd, row_group_size 122880",
}


def _copy(
    con: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    format: str,
    on_share: Callable[[float], None],
) -> int:
    """Writes the file and returns its rows; meanwhile says every so often how far it is."""
    target = str(path).replace("'", "''")
    command = f"copy ({query}) to '{target}' ({_OPTIONS[format]})"
    rows, problems, has_ended = [], [], threading.Event()

    def copy() -> None:
        try:
            rows.extend(con.execute(command).fetchone())
        except BaseException as problem:
            problems.append(problem)
        finally:
            has_ended.set()

    try:
        try:
            threading.Thread(target=copy, daemon=True).start()
        except RuntimeError:  # it could not be started
            has_ended.set()
            raise
        # An event, not join(): interrupted by Ctrl-C, Python 3.11 takes a thread for ended.
        while not has_ended.wait(0.1):
            on_share(min(max(con.query_progress() / 100, 0.0), 1.0))
    finally:
        while not has_ended.wait(0.1):  # Ctrl-C; nothing may be closed under the writer
            con.interrupt()
    if problems:
        raise problems[0]
    return rows[0]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(wish: Wish, published: dict, files: list[dict]) -> dict:
    about_people = [entry["table"] for entry in files if entry["kind"] == "people"]
    counts = [entry["table"] for entry in files if entry["kind"] == "cells"]
    mind = []
    if about_people:
        which = ", ".join(about_people[:3]) + (", …" if len(about_people) > 3 else "")
        mind.append(f"{which}: rows about single people, which are pseudonymous, not anonymous.")
        if counts:
            mind.append("Who has these rows can count them, and so find what is suppressed.")
        if wish.keep_keys:
            mind.append("The keys are the warehouse's own: they join with every other such export.")
        if wish.free_text:
            mind.append("Free text is in it, which may tell who wrote it.")
    return {
        "what": wish.set_name or [entry["table"] for entry in files],
        "version": published["version"],
        "published_at": published["published_at"],
        "through_load_id": published["through_load_id"],
        "as_of_date": published["as_of_date"],
        "sightline_version": version_of("sightline"),
        "exported_at": datetime.now(UTC).replace(microsecond=0),
        "format": wish.format,
        "from": wish.first,
        "to": wish.last,
        "keys": "kept" if wish.keep_keys else "hashed again",
        "free_text": "kept" if wish.free_text else "left out",
        "mind": mind,
        "files": files,
    }


def _dicts(con: duckdb.DuckDBPyConnection, query: str, values: Sequence = ()) -> list[dict]:
    found = con.execute(query, list(values))
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

"""`sightline publish`: the marts become a version that readers open, in one step or not at all.

    work.duckdb ─► published/.000042.draft/warehouse.duckdb ─► checked in another process, read-only
                   published/000042/warehouse.duckdb        ◄─ renamed
                   warehouse.duckdb                         ─► swapped to it

The link is swapped by one rename. Who has the old version open keeps it, who opens the link gets
one or the other. The versions' files have one name, because DuckDB follows links and calls a
database after the file that it finds. Whatever ends this half-way leaves a draft that nobody reads,
and that the next publication removes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from importlib.metadata import version as installed_version
from pathlib import Path

import duckdb

from loaders.building import Mart, Project
from loaders.ledger import STORAGE, WarehouseBusy, has_ledger, value_of
from loaders.locking import only_publisher, only_writer
from loaders.restating import TABLE as RESTATEMENTS
from loaders.restating import restate
from loaders.settings import (
    memory_limit,
    patience_seconds,
    published_file,
    published_folder,
    work_file,
)

KEPT = 3
_FILE = "warehouse.duckdb"
_MEMORY = "2GB"


class NotPublishable(Exception):
    """What lies in the work file must not be published; the message says why, and what to do."""


class NothingPublished(Exception):
    """There is no published version, or none to go back to."""


class Unreadable(Exception):
    """A version's file is there and damaged; the message says what to do."""


@dataclass(frozen=True)
class Publication:
    version: int
    previous_version: int | None
    published_at: datetime
    through_load_id: int
    last_landed_at: datetime
    as_of_date: date | None
    reporting_timezone: str
    sightline_version: str
    invocation_id: str
    project_fingerprint: str
    macros_fingerprint: str
    restatement_count: int
    row_counts: dict[str, int]


@dataclass(frozen=True)
class Build:
    """The last command that changed the tables, and whether it may be published."""

    invocation_id: str
    through_load_id: int
    problem: str | None


def publish(
    project: Project, on_step: Callable[[str], None] = lambda step: None
) -> tuple[Publication, bool]:
    """The new version, and True; or the one that holds just this already, and False."""
    with only_writer():
        present = current()
        with _open_work() as con:
            build = read_build(con, project)
        if build.problem:
            raise NotPublishable(build.problem)
        if present is not None and present.invocation_id == build.invocation_id:
            return present, False
        _remove_drafts()
        number = max([_number_in_link(), *_numbers()]) + 1
        draft = published_folder() / f".{number:06}.draft"
        draft.mkdir(parents=True)
        try:
            on_step("copying the marts")
            expected = _write(draft / _FILE, project, build, number, present)
            on_step("checking the copy in a process of its own")
            _verify(draft / _FILE, expected)
        except BaseException as error:
            shutil.rmtree(draft, ignore_errors=True)
            if not isinstance(error, duckdb.Error):
                raise
            is_full = isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException)
            raise NotPublishable(
                f"the copy failed ({_first_line(error)}); readers keep what they have"
                + (". Is the disk full?" if is_full else "")
            ) from None
        on_step("swapping the link")
        os.chmod(draft / _FILE, 0o444)
        _to_disk(draft / _FILE)
        with only_publisher():
            if current() != present:
                raise NotPublishable("another version was published or rolled back meanwhile")
            os.rename(draft, _folder(number))
            _to_disk(published_folder())
            _point_to(number)
            _prune()
            return current(), True


def rollback() -> tuple[int, Publication]:
    """Readers get the version before the present one. Needs no lock of the writers': whoever needs
    this needs it while a build is running too."""
    with only_publisher():
        try:
            present = current()
        except Unreadable:
            present = None
        left = present.version if present else _number_in_link()
        if not left:
            raise NothingPublished("nothing is published yet, so there is nothing to go back to")
        if present:
            previous = present.previous_version
        else:
            previous = max((one for one in _readable() if one < left), default=None)
        if previous is None or not (_folder(previous) / _FILE).exists():
            raise NothingPublished(
                f"version {left} is the oldest that is kept; there is none to go back to"
            )
        now = read_publication(_folder(previous) / _FILE)
        _point_to(previous)
        return left, now


def current() -> Publication | None:
    """What readers get who open the published file now."""
    return read_publication(published_file()) if published_file().exists() else None


def version_of_last_build() -> Publication | None:
    """The version that holds what the work file holds, be it published or rolled back."""
    if not work_file().exists():
        return None
    with _open_work() as con:
        if not _has_been_built(con):
            return None
        last = _last_change(con)
        landed = _landed(con)
    for number in reversed(_readable()):
        publication = read_publication(_folder(number) / _FILE)
        if last is not None and last[1] == publication.invocation_id:
            return publication if publication.through_load_id == landed else None
    return None


def read_publication(path: Path) -> Publication:
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            found = con.execute("select * from publication")
            names = [column[0] for column in found.description]
            [row] = found.fetchall()
            told = dict(zip(names, row, strict=True))
            counts = con.execute("select table_name, row_count from published_tables order by 1")
            # A version that an older Sightline made may not tell everything.
            known = {field.name: told.get(field.name) for field in fields(Publication)}
            return Publication(**known | {"row_counts": dict(counts.fetchall())})
    except duckdb.Error as error:
        raise Unreadable(
            f"{path} cannot be read ({_first_line(error)}). Give readers the version before it: "
            f"sightline rollback; or, where there is none, remove {published_file()} and run: "
            "sightline run"
        ) from None


def read_build(con: duckdb.DuckDBPyConnection, project: Project) -> Build:
    """From the work file's own records: build_log, build_progress and the ledger."""
    if not _has_been_built(con) or (last := _last_change(con)) is None:
        return Build("", 0, "nothing has been built yet. Run: sightline run")
    number, invocation_id, command, has_ended, problems = last
    landed = _landed(con)
    progress = dict(
        con.execute("select model_name, through_load_id from build_progress").fetchall()
    )
    behind = [name for name in project.stored if progress.get(name, -1) < landed]
    log = [
        row
        for row in _rows(con, "select * from build_log order by build_number desc")
        if row["has_ended"]
    ]
    # The last time that all models were built, and that all tests were run or any of them failed.
    whole = next((row for row in log if row.get("is_of_all_models")), None)
    tested = next(
        (
            row
            for row in log
            if row["build_number"] >= number
            and (row["problem_count"] or row["passed_count"] == row["test_count"])
        ),
        None,
    )
    passed = tested is not None and not tested["problem_count"]
    missing = [name for name in project.marts if name not in progress]
    problem = None
    if not has_ended:
        problem = f"the last `dbt {command}` was cut short. Run: sightline run"
    elif missing:
        problem = f"{missing[0]} was never built. Run: sightline run"
    elif behind:
        problem = (
            f"{len(behind)} models have not seen what was landed last ({behind[0]}, …). "
            "Run: sightline run"
        )
    elif not passed:
        found = f", of which {problems} failed" if problems else ""
        problem = (
            f"not all tests have passed since the last `dbt {command}`{found}. "
            "Run: sightline run, or dbt build, or dbt test"
        )
    elif whole is None or whole["began_at"] < project.models_changed_at:
        problem = (
            "the project has changed since all models were built. Run: sightline run, or dbt build"
        )
    elif tested["began_at"] < project.tests_changed_at:
        problem = "the tests have changed since they were run. Run: sightline run, or dbt test"
    return Build(invocation_id, landed, problem)


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict]:
    found = con.execute(query)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _has_been_built(con: duckdb.DuckDBPyConnection) -> bool:
    tables = con.execute(
        "select table_name from duckdb_tables() where schema_name = 'main' "
        "and database_name = current_database()"
    ).fetchall()
    return {("build_log",), ("build_progress",)} <= set(tables) and has_ledger(con)


def _last_change(con: duckdb.DuckDBPyConnection) -> tuple | None:
    rows = con.execute(
        "select build_number, invocation_id, command, has_ended, problem_count "
        "from build_log where is_changing order by build_number desc limit 1"
    ).fetchall()
    return rows[0] if rows else None


def _landed(con: duckdb.DuckDBPyConnection) -> int:
    return value_of(con, "select coalesce(max(load_id), 0) from raw.load_ledger")


def _write(
    path: Path, project: Project, build: Build, number: int, present: Publication | None
) -> dict:
    """The version's file, and what the check is to find in it."""
    with _open_draft(path) as con:
        _attach(con, work_file(), "work")
        con.execute(_CATALOG)
        # The sides of a join as the views name them: events flow past what is joined to them.
        # DuckDB would take ten million into memory rather than the narrower table beside them:
        # twice the time, and rows in no order, which pack a third worse.
        con.execute("set disabled_optimizers = 'build_side_probe_side'")
        for mart in project.marts.values():
            columns = ", ".join(column.name for column in mart.columns)
            con.execute(f"create table {mart.name} as select {columns} from work.main.{mart.name}")
        con.execute("reset disabled_optimizers")
        con.execute(
            "insert into publication by name "
            "select $version::integer as version, $previous::integer as previous_version, "
            "$now::timestamp as published_at, $through::bigint as through_load_id, "
            "(select max(finished_at) from work.raw.load_ledger) as last_landed_at, "
            "(select max(as_of_date) from work.intermediate.int_data_watermark) as as_of_date, "
            "$zone as reporting_timezone, $sightline as sightline_version, "
            "$build as invocation_id, $project as project_fingerprint, "
            "$macros as macros_fingerprint, 0 as restatement_count",
            {
                "version": number,
                "previous": present.version if present else None,
                "now": datetime.now(UTC).replace(tzinfo=None),
                "through": build.through_load_id,
                "zone": project.reporting_timezone,
                "sightline": installed_version("sightline"),
                "build": build.invocation_id,
                "project": project.fingerprint,
                "macros": project.macros_fingerprint,
            },
        )
        definitions = dict(
            con.execute("select model_name, definitions from work.main.build_progress").fetchall()
        )
        con.execute("detach work")
        for mart in project.marts.values():
            [[rows]] = con.execute(f"select count(*) from {mart.name}").fetchall()
            con.execute(
                "insert into published_tables values (?, ?, ?, ?, ?, ?)",
                [
                    mart.name,
                    mart.concept,
                    rows,
                    mart.description,
                    definitions.get(mart.name),
                    json.dumps(mart.meta),
                ],
            )
        if present is not None and RESTATEMENTS in present.row_counts:
            _attach(con, _folder(present.version) / _FILE, "previous")
            changed = restate(
                con,
                project.marts.values(),
                number,
                project.reporting_timezone,
                present.macros_fingerprint != project.macros_fingerprint,
            )
            con.execute("detach previous")
            con.execute("update publication set restatement_count = ?", [changed])
            con.execute(
                f"update published_tables set row_count = (select count(*) from {RESTATEMENTS}) "
                f"where table_name = '{RESTATEMENTS}'"
            )
        _describe(con, project.marts.values())
        counts = dict(con.execute("select table_name, row_count from published_tables").fetchall())
        con.execute("checkpoint")
    return {
        "storage": STORAGE,
        "tables": [
            {
                "name": mart.name,
                "rows": counts[mart.name],
                "columns": [(column.name, column.type) for column in mart.columns],
                "keys": mart.keys,
                "never_null": mart.never_null,
            }
            for mart in project.marts.values()
        ],
    }


def _describe(con: duckdb.DuckDBPyConnection, marts: Iterator[Mart]) -> None:
    """Descriptions travel with the tables: BI tools show them."""
    statements = []
    for mart in marts:
        statements.append(f"comment on table {mart.name} is {_quoted(mart.description)}")
        statements += [
            f"comment on column {mart.name}.{column.name} is {_quoted(column.description)}"
            for column in mart.columns
        ]
    con.execute(";".join(statements))


def _verify(path: Path, expected: dict) -> None:
    """By a process that has nothing to do with the one that wrote it."""
    done = subprocess.run(
        [sys.executable, "-m", "loaders.verifying", str(path)],
        input=json.dumps(expected),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        found = done.stdout.strip() or done.stderr.strip().rpartition("\n")[2]
        raise NotPublishable(
            f"the copy is not what it must be; readers keep what they have:\n{found}"
        )


@contextmanager
def _open_draft(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect(
        str(path),
        config={
            "storage_compatibility_version": STORAGE,
            "memory_limit": memory_limit(_MEMORY),
            "temp_directory": str(work_file().parent / "tmp"),
            "autoinstall_known_extensions": False,
        },
    )
    with con:
        yield con


@contextmanager
def _open_work() -> Iterator[duckdb.DuckDBPyConnection]:
    if not work_file().exists():
        raise NotPublishable(f"{work_file()}: nothing has been landed yet. Run: sightline run")
    with duckdb.connect() as con:
        _attach(con, work_file(), "work")
        con.execute("use work")
        yield con


def _attach(con: duckdb.DuckDBPyConnection, path: Path, alias: str) -> None:
    """Read-only, waiting a while for whoever writes to it."""
    deadline = time.monotonic() + patience_seconds()
    while True:
        try:
            con.execute(f"attach {_quoted(str(path))} as {alias} (read_only)")
            return
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise
            if time.monotonic() > deadline:
                raise WarehouseBusy(
                    f"{path} is being written to by another program (dbt?). Try again when it has "
                    "ended"
                ) from None
        time.sleep(0.2)


def _point_to(number: int) -> None:
    link = published_file()
    draft = link.with_name(f".{link.name}.new")
    draft.unlink(missing_ok=True)
    os.symlink((_folder(number) / _FILE).relative_to(link.parent), draft)
    os.replace(draft, link)
    _to_disk(link.parent)


def _prune() -> None:
    """The published version and those that one can go back to from it stay."""
    kept: list[int] = []
    readable = _readable()
    publication = current()
    while publication is not None and len(kept) < KEPT:
        kept.append(publication.version)
        previous = publication.previous_version
        publication = read_publication(_folder(previous) / _FILE) if previous in readable else None
    for number in _numbers():
        if number not in kept:
            shutil.rmtree(_folder(number), ignore_errors=True)


def _remove_drafts() -> None:
    for draft in published_folder().glob(".*.draft"):
        shutil.rmtree(draft, ignore_errors=True)


def _folder(number: int) -> Path:
    return published_folder() / f"{number:06}"


def _numbers() -> list[int]:
    return sorted(
        int(folder.name)
        for folder in published_folder().glob("*")
        if folder.name.isdigit() and (folder / _FILE).exists()
    )


def _readable() -> list[int]:
    found = []
    for number in _numbers():
        with suppress(Unreadable):
            read_publication(_folder(number) / _FILE)
            found.append(number)
    return found


def _number_in_link() -> int:
    """Also where it leads nowhere: a number is not given twice."""
    link = published_file()
    name = link.readlink().parent.name if link.is_symlink() else ""
    return int(name) if name.isdigit() else 0


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]


_CATALOG = """
create table publication (
    version integer not null,
    previous_version integer,
    published_at timestamp not null,
    through_load_id bigint not null,
    last_landed_at timestamp,
    as_of_date date,
    reporting_timezone varchar not null,
    sightline_version varchar not null,
    invocation_id varchar not null,
    project_fingerprint varchar not null,
    macros_fingerprint varchar not null,
    restatement_count bigint not null
);
comment on table publication is 'One row: which version this is, and what is in it.';
create table published_tables (
    table_name varchar not null,
    concept varchar not null,
    row_count bigint not null,
    description varchar not null,
    definitions varchar,
    meta json
);
comment on table published_tables is 'One row per table of this version.';
"""

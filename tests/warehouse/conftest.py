"""A warehouse in a temporary folder, for tests to land files in and to build."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from loaders.landing import land
from tests.warehouse.worlds import as_file, extracts, world

PROJECT = Path(__file__).resolve().parents[2]


class Warehouse:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, target: Path):
        self.folder, self.monkeypatch, self.target = folder, monkeypatch, target
        self.landed = 0
        self.project = PROJECT

    def environment(self) -> dict[str, str]:
        return {
            "SIGHTLINE_DATA": str(self.folder),
            "SIGHTLINE_KEY": "a key for tests, the same in every warehouse",
            "DBT_PROJECT_DIR": str(self.project),
            "DBT_PROFILES_DIR": str(self.project),
            "DBT_TARGET_PATH": str(self.target),
        }

    def enter(self) -> None:
        for name, value in self.environment().items():
            self.monkeypatch.setenv(name, value)

    def land(self, streams: dict[str, list[dict]]) -> None:
        """A file a stream."""
        self.enter()
        self.landed += 1
        for stream, records in streams.items():
            path = self.folder / "landing" / stream / "2026-06-30" / f"{self.landed:04}.ndjson"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(as_file(records))
        report = land()
        assert report.failure is None, report.failure

    def dbt(self, *arguments: str) -> None:
        self.enter()
        try:
            done = dbtRunner().invoke(["--quiet", *arguments])
        finally:
            DuckDBConnectionManager.close_all_connections()  # as the end of its process would
        problems = [
            f"{result.node.name}: {result.message}"
            for result in getattr(done.result, "results", [])
            if str(result.status) not in ("success", "pass", "no-op", "skipped")
        ]
        # A text: of a list pytest would show the beginning only.
        assert done.success, "\n".join(problems) or str(done.exception)

    def start_dbt(self, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "dbt.cli.main", "--quiet", *arguments]
        environment = os.environ | self.environment()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, cwd=PROJECT, env=environment, **quiet)

    def copy(self, name: str) -> Warehouse:
        folder = self.folder.parent / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        assert not (self.folder / "work.duckdb.wal").exists()
        shutil.copy(self.folder / "work.duckdb", folder / "work.duckdb")
        other = Warehouse(folder, self.monkeypatch, self.target)
        other.project = self.project
        return other

    def with_own_project(self) -> Path:
        """From now on it is built from a copy of the project, for a test to change."""
        self.project = self.folder / "project"
        for name in ("models", "seeds", "macros", "tests", "dbt_project.yml", "profiles.yml"):
            source, copy = PROJECT / name, self.project / name
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
            else:
                shutil.copy(source, copy)
        return self.project

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.folder / "work.duckdb"), read_only=True)

    def query(self, query: str) -> list[tuple]:
        with self.connect() as con:
            return con.execute(query).fetchall()

    def models(self) -> dict[str, dict]:
        """dbt's reading of the project, by model."""
        return self.nodes("model")

    def nodes(self, kind: str) -> dict[str, dict]:
        manifest = json.loads((self.target / "manifest.json").read_text("utf-8"))
        return {
            node["name"]: node
            for node in manifest["nodes"].values()
            if node["resource_type"] == kind
        }


@contextmanager
def models_alone(
    folder: Path,
    inputs: tuple[str, ...],
    models: tuple[str, ...],
    reporting_timezone: str = "UTC",
    **seeds: str,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with the inputs as empty tables and the models as views over them, for
    random data to be put in and asked for within milliseconds. Relations are `schema.name`, in an
    order in which each finds what it reads; seeds are there as they are, or as the text given."""
    (folder / "data").mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        warehouse = Warehouse(folder / "data", monkeypatch, folder / "target")
        project = warehouse.with_own_project()
        for name, text in seeds.items():
            (project / "seeds" / f"{name}.csv").write_text(text, "utf-8")
        settings = project / "dbt_project.yml"
        utc, zone = (f"reporting_timezone: {name}" for name in ("UTC", reporting_timezone))
        assert utc in settings.read_text("utf-8")
        settings.write_text(settings.read_text("utf-8").replace(utc, zone), "utf-8")
        warehouse.land(world(Random(1), 30) | extracts(Random(1)))
        warehouse.dbt("seed")
        names = [model.partition(".")[2] for model in models]
        warehouse.dbt("run", "--empty", "-s", *(f"+{name}" for name in names))
        warehouse.dbt("compile", "--full-refresh", "-s", *names)
    con = duckdb.connect()
    con.execute("attach ':memory:' as work")
    for schema in ("staging", "intermediate", "seeds"):
        con.execute(f"create schema work.{schema}")
    con.execute(f"attach '{folder / 'data' / 'work.duckdb'}' as built (read_only)")
    for relation in inputs:
        columns = con.execute(f"describe built.{relation}").fetchall()
        of_types = ", ".join(f"{column} {type}" for column, type, *_ in columns)
        con.execute(f"create table work.{relation} ({of_types})")
    for name, *_ in con.execute(
        "select table_name from duckdb_tables() where database_name = 'built'"
        " and schema_name = 'seeds'"
    ).fetchall():
        con.execute(f"create table work.seeds.{name} as from built.seeds.{name}")
    con.execute("detach built")
    for model, name in zip(models, names, strict=True):
        [path] = Path(folder / "target" / "compiled").rglob(f"{name}.sql")
        con.execute(f"create view work.{model} as {path.read_text('utf-8')}")
    try:
        yield con
    finally:
        con.close()


@pytest.fixture
def warehouse(tmp_path, monkeypatch, tmp_path_factory) -> Warehouse:
    target = tmp_path_factory.getbasetemp() / "dbt-target"  # parsed once for all tests
    (tmp_path / "data").mkdir()
    return Warehouse(tmp_path / "data", monkeypatch, target)

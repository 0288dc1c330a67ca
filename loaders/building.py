"""dbt inside this process: building the tables, and what dbt knows of the project.

In this process, so that whoever kills `sightline run` kills the build with it; and so that
`--watch` reads the project once, and again only when one of its files has changed.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import yaml

from loaders.settings import PROJECT, data_folder

_PARTS = ("dbt_project.yml", "profiles.yml", "models", "seeds", "macros", "tests/generic")
_PARTS += ("tests/singular",)
_LINES = 6  # of what dbt says of one failure
_GOOD = ("success", "pass", "warn", "no-op")


class BuildFailed(Exception):
    """A model or a test failed, or the project cannot be read; nothing was published."""


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Mart:
    """A table that is published, as its contract says."""

    name: str
    concept: str
    description: str
    columns: tuple[Column, ...]
    keys: tuple[tuple[str, ...], ...]
    never_null: tuple[str, ...]
    meta: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    marts: dict[str, Mart]
    stored: tuple[str, ...]  # models whose rows are kept: how far each came, build_progress says
    reporting_timezone: str
    fingerprint: str  # of its files
    macros_fingerprint: str
    # When a file was last changed: of what the tables are made by, and of the tests alone.
    models_changed_at: datetime
    tests_changed_at: datetime


@dataclass(frozen=True)
class Progress:
    done: int
    total: int
    name: str


class Dbt:
    """One reading of the project, for as long as its files are the same."""

    def __init__(self) -> None:
        self._manifest: Any = None
        self._read_at: dict[str, tuple[int, int]] = {}

    def project(self) -> Project:
        manifest = self._read()
        marts = {}
        for node in manifest.nodes.values():
            if node.resource_type == "model" and node.fqn[1] == "marts":
                marts[node.name] = _mart(node, manifest)
        return Project(
            marts=dict(sorted(marts.items())),
            stored=tuple(
                node.name
                for node in manifest.nodes.values()
                if node.resource_type == "model" and node.config.materialized == "incremental"
            ),
            reporting_timezone=_reporting_timezone(),
            fingerprint=self.fingerprint(),
            macros_fingerprint=self.fingerprint("macros"),
            models_changed_at=self._changed_at(are_tests=False),
            tests_changed_at=self._changed_at(are_tests=True),
        )

    def _changed_at(self, are_tests: bool) -> datetime:
        tests = str(project_folder() / "tests")
        times = [
            changed
            for file, (changed, _) in self._read_at.items()
            if file.startswith(tests) == are_tests
        ]
        return datetime.fromtimestamp(max(times, default=0) / 1e9, UTC).replace(tzinfo=None)

    def fingerprint(self, *parts: str) -> str:
        """Of what the tables are made by: with another, they may be others."""
        project = project_folder()
        digest = hashlib.sha256()
        for file in sorted(_files(project, parts or _PARTS)):
            digest.update(str(Path(file).relative_to(project)).encode() + Path(file).read_bytes())
        return digest.hexdigest()

    def build(
        self,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        full_refresh: bool = False,
    ) -> None:
        """Build what is new and run every data test. Unit tests are of the code, not of the data:
        `dbt build` and `make test` run them."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        one_at_a_time = Lock()  # dbt's threads all tell

        def listen(event: Any) -> None:
            if event.info.name in ("LogModelResult", "LogTestResult", "LogSeedResult"):
                data = event.data
                total = data.num_models if event.info.name == "LogTestResult" else data.total
                with one_at_a_time:
                    on_progress(Progress(data.index, total, data.node_info.node_name))

        manifest = self._read()
        command = ["--log-level", "none", "build", "--exclude-resource-type", "unit_test"]
        if full_refresh:
            command.append("--full-refresh")
        with _dbt_settings():
            try:
                done = dbtRunner(manifest=manifest, callbacks=[listen]).invoke(command)
            finally:
                # dbt holds the file for as long as its process lives, and this one goes on.
                DuckDBConnectionManager.close_all_connections()
        if not done.success:
            raise BuildFailed(_what_failed(done))

    def _read(self) -> Any:
        from dbt.cli.main import dbtRunner

        files = _files(project_folder())
        if self._manifest is None or files != self._read_at:
            with _dbt_settings():
                done = dbtRunner().invoke(["--log-level", "none", "parse"])
            if not done.success:
                raise BuildFailed(_what_failed(done))
            self._manifest, self._read_at = done.result, files
        return self._manifest


def project_folder() -> Path:
    """Where the models are: a copy of the project that one stands in, else the one that this
    command belongs to."""
    named = os.environ.get("DBT_PROJECT_DIR")
    if named:
        return Path(named)
    return Path.cwd() if (Path.cwd() / "dbt_project.yml").exists() else PROJECT


def _files(project: Path, parts: tuple[str, ...] = _PARTS) -> dict[str, tuple[int, int]]:
    found = {}
    for part in parts:
        path = project / part
        for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
            if file.is_file():
                state = file.stat()
                found[str(file)] = (state.st_mtime_ns, state.st_size)
    return found


@contextmanager
def _dbt_settings():
    """dbt reads its folders from the environment; a data folder is named from where one stands."""
    folder = str(project_folder())
    settings = {
        "SIGHTLINE_DATA": str(data_folder().absolute()),
        "DBT_PROJECT_DIR": folder,
        "DBT_PROFILES_DIR": os.environ.get("DBT_PROFILES_DIR") or folder,
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _mart(node: Any, manifest: Any) -> Mart:
    keys, never_null = [], []
    for test in manifest.nodes.values():
        if getattr(test, "attached_node", None) != node.unique_id:
            continue
        metadata = test.test_metadata
        if metadata.name == "unique":
            keys.append((metadata.kwargs["column_name"],))
        elif metadata.name == "unique_combination" and not test.config.where:
            keys.append(tuple(metadata.kwargs["columns"]))
        elif metadata.name == "never_null" and not test.config.where:
            never_null += metadata.kwargs["columns"]
    return Mart(
        name=node.name,
        concept=node.fqn[2],
        description=node.description,
        columns=tuple(
            Column(column.name, column.data_type, column.description)
            for column in node.columns.values()
        ),
        keys=tuple(sorted(keys)),
        never_null=tuple(never_null),
        meta=dict(node.config.meta),
    )


def _reporting_timezone() -> str:
    settings = yaml.safe_load((project_folder() / "dbt_project.yml").read_text("utf-8"))
    return settings["vars"]["reporting_timezone"]


def _what_failed(done: Any) -> str:
    if isinstance(done.exception, KeyboardInterrupt):
        raise done.exception  # dbt caught it, but it was meant for all of us
    if done.exception is not None:
        return f"dbt cannot build: {str(done.exception).strip()}"
    failed = [
        result for result in done.result.results if str(result.status) not in (*_GOOD, "skipped")
    ]
    skipped = sum(str(result.status) == "skipped" for result in done.result.results)
    lines = []
    for result in failed[:20]:
        node = result.node
        first, *more = _reason(result.message or "")
        lines.append(f"  {node.resource_type} {node.name} ({node.original_file_path}): {first}")
        lines += [f"      {line}" for line in more]
    if len(failed) > 20:
        lines.append(f"  … and {len(failed) - 20} more")
    if skipped:
        lines.append(f"  {skipped} that depend on these were not built")
    names = " ".join(result.node.name for result in failed[:3])
    shows = [result.node.name for result in failed if str(result.status) == "fail"][:1]
    rows = (
        [f"The rows that a test found: .venv/bin/dbt --quiet show -s {shows[0]}"] if shows else []
    )
    return "\n".join(
        [
            f"{len(failed)} of {len(done.result.results)} models and tests failed:",
            *lines,
            "Nothing was published; readers keep what they have.",
            *rows,
            f"Once mended, run it again, or first: .venv/bin/dbt build -s {names}",
        ]
    )


def _reason(message: str) -> list[str]:
    """What dbt says, without the line that only repeats where, and in as few lines as will do."""
    lines = [line.rstrip() for line in message.strip().splitlines()]
    if len(lines) > 1 and re.match(r"\w+ Error in ", lines[0]):
        del lines[0]
    lines = [
        line.removeprefix("  ")
        for line in lines
        if line.strip() and not re.match(r"\s*(> in macro|> called by)", line)
    ]
    return lines[:_LINES] or ["dbt does not say why"]

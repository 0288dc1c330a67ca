"""dbt inside this process: building the tables, and what dbt knows of the project.

In this process, so that whoever kills `sightline run` kills the build with it; and so that
`--watch` reads the project once, and again only when one of its files has changed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from loaders.settings import PROJECT, data_folder

_PARTS = ("dbt_project.yml", "profiles.yml", "models", "seeds", "macros", "tests/generic")
_PARTS += ("tests/singular",)
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
        )

    def fingerprint(self) -> str:
        """Of what the tables are made by: with another, they may be others."""
        digest = hashlib.sha256()
        for file in sorted(_files(project_folder())):
            digest.update(file.encode() + Path(file).read_bytes())
        return digest.hexdigest()

    def build(self, on_progress: Callable[[Progress], None] = lambda progress: None) -> None:
        """Build what is new and run every data test. Unit tests are of the code, not of the data:
        `dbt build` and `make test` run them."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        def listen(event: Any) -> None:
            if event.info.name in ("LogModelResult", "LogTestResult", "LogSeedResult"):
                data = event.data
                total = data.num_models if event.info.name == "LogTestResult" else data.total
                on_progress(Progress(data.index, total, data.node_info.node_name))

        manifest = self._read()
        with _dbt_settings():
            try:
                done = dbtRunner(manifest=manifest, callbacks=[listen]).invoke(
                    ["--log-level", "none", "build", "--exclude-resource-type", "unit_test"]
                )
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


def _files(project: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for part in _PARTS:
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
    if done.exception is not None:
        return f"dbt cannot build: {str(done.exception).strip()}"
    failed = [
        result for result in done.result.results if str(result.status) not in (*_GOOD, "skipped")
    ]
    skipped = sum(str(result.status) == "skipped" for result in done.result.results)
    lines = []
    for result in failed[:20]:
        node = result.node
        message = (result.message or "").strip().partition("\n")[0]
        lines.append(f"  {node.resource_type} {node.name} ({node.original_file_path}): {message}")
    if len(failed) > 20:
        lines.append(f"  … and {len(failed) - 20} more")
    if skipped:
        lines.append(f"  {skipped} that depend on these were not built")
    names = " ".join(result.node.name for result in failed[:3])
    return "\n".join(
        [
            f"{len(failed)} of {len(done.result.results)} models and tests failed:",
            *lines,
            "Nothing was published; readers keep what they have.",
            f"To look closer: dbt build -s {names}",
        ]
    )

"""Metrics of the published file: `sightline metrics query …` is MetricFlow's `mf query …`.

`mf` by itself asks the package index at every start whether there is a newer one, keeps a log of
the values that people filter by, and finds what dbt wrote down in target/ only. Here nothing leaves
the machine, nothing is logged, and DBT_TARGET_PATH counts. DBT_TARGET=dev asks the work file.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from loaders.settings import PROJECT, data_folder, published_file


class MetricsProblem(Exception):
    """Why no metric can be asked for; the message says what to do."""


def ask(arguments: Sequence[str]) -> None:
    """Ends the program with mf's exit code."""
    if find_spec("dbt_metricflow") is None:
        raise MetricsProblem("MetricFlow is not installed: pip install -e '.[metrics]'")
    # Instead of the module that asks, and that unpickles a file which anybody may have left in the
    # folder for temporary files, when it is only imported.
    sys.modules["update_checker"] = ModuleType("update_checker")
    sys.modules["update_checker"].UpdateChecker = _NoUpdates
    # With no handler Python prints what mf logs: a page of its own lines for a misspelled name.
    logging.getLogger().addHandler(logging.NullHandler())
    # Imported late: it takes a second, which no other command should wait for.
    from dbt_metricflow.cli import main as mf

    # It logs where in its code a mistake was noticed before it says which: a trace helps nobody.
    logging.getLogger().addFilter(lambda record: record.exc_info is None)
    mf.cli(list(arguments), prog_name="sightline metrics", obj=configuration())


def configuration():
    """MetricFlow, ready to be asked: `configuration().mf.query(…)`."""
    from dbt_metricflow.cli.cli_configuration import CLIConfiguration
    from dbt_metricflow.cli.dbt_connectors.dbt_config_accessor import dbtArtifacts

    target = os.environ.get("DBT_TARGET") or "ro"
    if target == "ro" and not published_file().exists():
        raise MetricsProblem(
            f"{published_file()} is not there. Run: sightline publish. Or ask the work file:"
            " DBT_TARGET=dev"
        )
    _parse_what_changed()
    os.environ["DBT_TARGET"] = target
    os.environ["SIGHTLINE_DATA"] = str(data_folder().absolute())
    dbtArtifacts.build_semantic_manifest_from_dbt_project_root = staticmethod(_semantic_manifest)
    configured = CLIConfiguration()
    configured.setup(_project("PROFILES"), _project("PROJECT"), configure_file_logging=False)
    return configured


class _NoUpdates:
    def check(self, package: str, version: str) -> None:
        return None


def _project(kind: str) -> Path:
    return Path(os.environ.get(f"DBT_{kind}_DIR") or PROJECT)


def _manifest_file() -> Path:
    target = os.environ.get("DBT_TARGET_PATH") or _project("PROJECT") / "target"
    return Path(target) / "semantic_manifest.json"


def _semantic_manifest(project_root: Path):
    from metricflow_semantics.model.dbt_manifest_parser import (
        parse_manifest_from_dbt_generated_manifest,
    )

    return parse_manifest_from_dbt_generated_manifest(_manifest_file().read_text("utf-8"))


def _parse_what_changed() -> None:
    """A build writes the manifest as well; a metric that was added since is in none."""
    from dbt.cli.main import dbtRunner

    manifest = _manifest_file()
    written = manifest.stat().st_mtime if manifest.exists() else 0.0
    models = _project("PROJECT") / "models"
    if written > max(path.stat().st_mtime for path in models.rglob("*.yml")):
        return
    folders = ["--project-dir", _project("PROJECT"), "--profiles-dir", _project("PROFILES")]
    done = dbtRunner().invoke(["--quiet", "parse", *map(str, folders)])
    if not done.success:
        raise MetricsProblem("dbt cannot read the project; `dbt parse` says why")
    # dbt leaves a manifest alone that would be the same, and it would be looked at again.
    os.utime(manifest, (time.time(), time.time()))

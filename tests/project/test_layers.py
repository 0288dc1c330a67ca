"""House rules that dbt does not know, held against dbt's own reading of the project."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
STAGING = "models/staging/"


@pytest.fixture(scope="session")
def manifest(tmp_path_factory) -> dict:
    target = tmp_path_factory.mktemp("target")
    parse = [sys.executable, "-m", "dbt.cli.main", "--quiet", "parse", "--target-path", target]
    folders = ["--project-dir", PROJECT, "--profiles-dir", PROJECT]
    done = subprocess.run(
        [*parse, *folders], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def nodes(manifest) -> list[dict]:
    return list(manifest["nodes"].values())


@pytest.fixture(scope="session")
def tables(manifest, nodes) -> list[dict]:
    """All that has rows: sources, seeds and models."""
    built = [node for node in nodes if node["resource_type"] in ("model", "seed")]
    return [*manifest["sources"].values(), *built]


def test_only_staging_reads_sources(nodes):
    offenders = [
        f"{node['original_file_path']} reads {parent}: only staging calls source()"
        for node in nodes
        for parent in node.get("depends_on", {}).get("nodes", [])
        if parent.startswith("source.") and not node["original_file_path"].startswith(STAGING)
    ]
    assert not offenders, "\n".join(["", *offenders])


def test_every_description_starts_with_the_grain(tables):
    offenders = [
        f"{table['original_file_path']}: {table['name']} must begin “One row per …”"
        for table in tables
        if not table["description"].startswith("One row per ")
    ]
    assert not offenders, "\n".join(["", *offenders])


def test_every_column_is_described(tables):
    offenders = [
        f"{table['original_file_path']}: {table['name']}.{column['name']} has no description"
        for table in tables
        for column in table["columns"].values()
        if not column["description"].strip()
    ]
    assert not offenders, "\n".join(["", *offenders])


def test_models_document_the_columns_they_select(nodes):
    """Where a contract is enforced dbt holds this itself; elsewhere the last select is read."""
    offenders = []
    for node in nodes:
        if node["resource_type"] != "model" or node["config"]["contract"]["enforced"]:
            continue
        selected = selected_columns(node["raw_code"])
        documented = list(node["columns"])
        if selected != documented:
            differing = sorted(set(selected) ^ set(documented))
            offenders.append(
                f"{node['original_file_path']}: the last select and the yml differ in "
                + (", ".join(differing) or "the order of the columns")
            )
    assert not offenders, "\n".join(["", *offenders])


def test_a_model_has_its_yml_beside_it(nodes):
    offenders = []
    for node in nodes:
        if node["resource_type"] != "model":
            continue
        sql = Path(node["original_file_path"])
        described_in = (node["patch_path"] or "nowhere").rpartition("://")[2]
        if described_in != sql.with_suffix(".yml").as_posix():
            offenders.append(f"{sql}: described in {described_in}, not in its own yml")
    assert not offenders, "\n".join(["", *offenders])


def test_marts_have_enforced_contracts(nodes):
    offenders = [
        f"{node['original_file_path']}: no enforced contract"
        for node in nodes
        if node["original_file_path"].startswith("models/marts/")
        and node["resource_type"] == "model"
        and not node["config"]["contract"]["enforced"]
    ]
    assert not offenders, "\n".join(["", *offenders])


def test_stored_models_share_the_one_mechanism(manifest, nodes):
    """They recompute touched units, and those with a unit of their own read only what grows by
    loads: a table that is computed whole may change where no event says so."""
    by_id = manifest["nodes"]
    offenders = []
    for node in nodes:
        path, unit = node["original_file_path"], node["config"].get("unique_key")
        if node["resource_type"] != "model" or node["config"]["materialized"] == "view":
            continue
        if node["config"]["materialized"] != "incremental":
            offenders.append(f"{path}: it is no view, so let it be incremental, by a unit")
            continue
        if node["config"]["incremental_strategy"] != "recompute":
            offenders.append(f"{path}: its strategy is not recompute")
        if f"is_touched('{unit}')" not in node["raw_code"]:
            offenders.append(f"{path}: does not ask is_touched('{unit}')")
        waiting = list(node["depends_on"]["nodes"]) if unit != "everything" else []
        while waiting:
            parent = by_id.get(waiting.pop())
            if parent is None or parent["resource_type"] != "model":
                continue
            if parent["config"].get("unique_key") == "everything":
                offenders.append(f"{path}: reads {parent['name']}, which is computed whole")
            if parent["config"]["materialized"] == "view":
                waiting += parent["depends_on"]["nodes"]
    assert not offenders, "\n".join(["", *offenders])


def test_sessions_are_read_without_the_events(manifest):
    """One person's visits are asked for often, and each time all events would be searched."""
    read, waiting = set(), ["model.sightline.sessions"]
    while waiting:
        for name in manifest["nodes"][waiting.pop()]["depends_on"]["nodes"]:
            parent = manifest["nodes"].get(name, {"config": {}})
            read.add(name.rpartition(".")[2])
            if parent["config"].get("materialized") == "view":
                waiting.append(name)
    assert "int_sessions" in read
    assert not {name for name in read if name.startswith("int_events")}


def test_a_changed_var_computes_anew_what_reads_it(manifest, nodes):
    """A var whose name stands in no model is hidden by a macro, and has to be counted always."""
    mechanism = manifest["macros"]["macro.sightline.definitions_of_model"]["macro_sql"]
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    unlisted = [name for name in project["vars"] if f"'{name}'" not in mechanism]
    assert not unlisted, f"definitions_of_model does not list {unlisted}"
    codes = "".join(node["raw_code"] for node in nodes if node["resource_type"] == "model")
    hidden = [name for name in project["vars"] if name not in codes]
    assert hidden == ["reporting_timezone"]


def test_what_duckdb_takes_only_once_is_said_when_the_file_is_opened():
    """dbt says the settings again for each model, and where to spill cannot be said again once a
    build has spilled: it would fail, on large data only."""
    profiles = yaml.safe_load((PROJECT / "profiles.yml").read_text(encoding="utf-8"))
    for output in profiles["sightline"]["outputs"].values():
        assert "temp_directory" not in output.get("settings", {})
    assert "temp_directory" in profiles["sightline"]["outputs"]["dev"]["config_options"]


def test_no_model_asks_the_clock(nodes):
    clock = re.compile(r"\b(now|current_date|current_timestamp|today|getdate|random|uuid)\s*\(")
    offenders = [
        f"{node['original_file_path']}: {found[0]}"
        for node in nodes
        if node["resource_type"] in ("model", "test")
        for found in [clock.search(node.get("raw_code") or "")]
        if found
    ]
    offenders += [
        f"{node['original_file_path']}: current_date"
        for node in nodes
        if re.search(r"\bcurrent_(date|timestamp)\b", node.get("raw_code") or "")
    ]
    assert not offenders, "\n".join(["", *offenders])


def selected_columns(sql: str) -> list[str]:
    """The names in the last select of a model, which by house rule is no star."""
    after_select = re.split(r"^select\b", sql, flags=re.MULTILINE)[-1]
    select_list = re.split(r"^from\b", after_select, flags=re.MULTILINE)[0]
    select_list = re.sub(r"--.*", "", select_list)
    outermost = re.sub(r"\([^()]*\)", "", select_list)
    while outermost != select_list:
        select_list, outermost = outermost, re.sub(r"\([^()]*\)", "", outermost)
    names = [re.search(r"(\w+)\s*$", column) for column in outermost.split(",")]
    return [name[1] for name in names if name]


def test_selected_columns_sees_through_brackets_and_comments():
    sql = """
with a as (
    select x from b
)

select
    -- a group, with a comma
    a.x,
    case when f(1, g(2)) > 0 then 1 else 0 end as y,
    sent.metadata.z
from a
"""
    assert selected_columns(sql) == ["x", "y", "z"]

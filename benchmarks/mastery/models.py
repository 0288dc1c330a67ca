"""The learner model as the project has it: compiled by dbt, run by DuckDB in dbt's order.

`main.question_attempts` is put in; what the models read besides (what was read, the topics'
reference) is there and empty.
"""

from __future__ import annotations

import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.measuring import PROJECT, run

# Each finds what it reads.
PREDICTING = (
    "int_mastery_coefficients", "int_question_days", "int_topic_days", "int_attempt_predictions",
)  # fmt: skip
SUMMING_UP = (
    "int_mastery_moments", "int_topic_difficulties", "int_learner_skills", "int_topic_skills",
    "topic_mastery",
)  # fmt: skip
THREADS = 2
ATTEMPTS = """
    attempt_key uuid, person_key uuid, question_id varchar, topic_id varchar, consent_mode varchar,
    attempted_at timestamp, attempt_date date, is_correct boolean, hint_used boolean,
    is_first_attempt boolean, time_to_answer_seconds double, confidence_level integer
"""
_EMPTY = {
    "intermediate.int_topic_reading": "person_key uuid, topic_id varchar, exposure_seconds bigint,"
    " materials_completed bigint, last_read_at timestamp",
    "staging.stg_studyin__topics": "topic_id varchar",
}


@dataclass(frozen=True)
class Model:
    schema: str
    name: str
    kind: str
    query: str


def compile_models(folder: Path) -> list[Model]:
    """No data need have landed for that."""
    folder.mkdir(parents=True, exist_ok=True)
    run(
        [
            str(PROJECT / ".venv/bin/dbt"),
            *("--quiet", "compile", "--full-refresh", "-s", *PREDICTING, *SUMMING_UP),
        ],
        SIGHTLINE_DATA=str(folder),
        DBT_TARGET_PATH=str(folder / "target"),
        DBT_PROFILES_DIR=str(PROJECT),
        DBT_PROJECT_DIR=str(PROJECT),
    )
    manifest = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    nodes = {node["name"]: node for node in manifest["nodes"].values()}
    return [
        Model(
            nodes[name]["schema"],
            name,
            "view" if nodes[name]["config"]["materialized"] == "view" else "table",
            nodes[name]["compiled_code"],
        )
        for name in (*PREDICTING, *SUMMING_UP)
    ]


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """The file is called what dbt calls the database; settings are those of profiles.yml, but for
    the threads."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "threads": THREADS,
        "memory_limit": "4GB",
        "temp_directory": str(folder / "tmp"),
        "storage_compatibility_version": "v1.5.0",
    }
    con = duckdb.connect(str(folder / "work.duckdb"), config=config)
    con.execute("set TimeZone = 'UTC'")
    return con


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """What the models read, with no attempts yet."""
    for schema in ("intermediate", "seeds", "staging"):
        con.execute(f"create schema if not exists {schema}")
    seed = PROJECT / "seeds" / "mastery_coefficients.csv"
    con.execute(
        "create table seeds.mastery_coefficients as"
        f" select name, value::double as value from read_csv('{seed}')"
    )
    con.execute(f"create table question_attempts ({ATTEMPTS})")
    for relation, columns in _EMPTY.items():
        con.execute(f"create table {relation} ({columns})")
    con.execute(
        "create view intermediate.int_data_now as"
        " select max(attempted_at) as now_at from question_attempts"
    )


def compute(con: duckdb.DuckDBPyConnection, models: list[Model]) -> dict[str, dict[str, float]]:
    """Seconds and processor time of each that is stored."""
    taken = {}
    for model in models:
        began, worked = time.perf_counter(), _processor_seconds()
        con.execute(f"create or replace {model.kind} {model.schema}.{model.name} as {model.query}")
        if model.kind == "table":
            taken[model.name] = {
                "seconds": time.perf_counter() - began,
                "cpu_seconds": _processor_seconds() - worked,
            }
    return taken


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

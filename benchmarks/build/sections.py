"""The questions, one function each: measures, and returns a section of Markdown."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.build import worlds
from benchmarks.build.contestants import sessionising_query
from benchmarks.measuring import PROJECT, Measured, Spread, alternate, measure, note, run
from benchmarks.report import megabytes, million, ratio, section, table, thousands

CONTESTANTS = "benchmarks.build.contestants"
# What every other mart stands on; the rest of the project is measured on top of it.
CORE = ("-s", "+path:models/marts/core", "+path:models/marts/governance")
RELATIONS = ("intermediate.int_events", "intermediate.int_events_sessionized", "main.events")
MODEL = "models/intermediate/sessions/int_events_sessionized.sql"


@dataclass(frozen=True)
class Size:
    events: tuple[int, ...]
    rounds: int


class Bench:
    """The temporary folder and the worlds in it, each made when it is first needed."""

    def __init__(self, folder: Path, size: Size, worlds_folder: Path | None = None):
        self.folder, self.size, self.worlds_folder = folder, size, worlds_folder or folder
        self._built: dict[int, Path] = {}

    def world(self, events: int) -> Path:
        return worlds.land_world(self.worlds_folder / f"world-{events}", events)

    def built(self, events: int) -> Path:
        """A warehouse that is built, for questions that only read."""
        if events not in self._built:
            folder = self.folder / f"built-{events}"
            folder.mkdir()
            shutil.copy(self.world(events), folder / "work.duckdb")
            dbt(folder, "seed")
            dbt(folder, "run", *CORE)
            self._built[events] = folder
        return self._built[events]


def dbt(folder: Path, *arguments: str) -> Measured:
    measured, _ = run(
        [str(PROJECT / ".venv/bin/dbt"), "--quiet", *arguments],
        SIGHTLINE_DATA=str(folder),
        DBT_TARGET_PATH=str(folder / "target"),
        DBT_PROFILES_DIR=str(PROJECT),
        DBT_PROJECT_DIR=str(PROJECT),
    )
    return measured


# ── builds ────────────────────────────────────────────────────────────────────────────────────


def builds(bench: Bench) -> str:
    rows, models = [], {}
    for events in bench.size.events:
        for spread in (False, True):
            rows.append(_one_build(bench, events, spread, models))
    heads = [
        "events", "1 % that arrives", "full build", "events/s", "without dbt's start",
        "peak memory",
        "then 1 %", "of the full build", "touched partitions", "touched visitors",
        "nothing new", "dbt's start", "all other marts",
    ]  # fmt: skip
    return section(
        "Builds",
        table(heads, rows),
        "Where the time of the largest full build goes:",
        _where(models),
    )


def _one_build(bench: Bench, events: int, spread: bool, models: dict[str, float]) -> list[str]:
    kind = "of all times" if spread else "the last"
    folder = bench.folder / "build"
    base, later = worlds.hold_back(bench.world(events), folder, spread)
    there = worlds.count_events(base)
    dbt(folder, "seed")
    # The first command after a change of the project parses all of it.
    start = min((dbt(folder, "run", "-s", "stg_door__load_ledger") for _ in range(2)), key=_seconds)
    full = dbt(folder, "run", *CORE)
    models.clear()
    results = json.loads((folder / "target" / "run_results.json").read_text(encoding="utf-8"))
    for result in results["results"]:
        models[result["unique_id"].rpartition(".")[2]] = result["execution_time"]
    note(f"  {million(there)}: {full.seconds:.0f} s, {thousands(there / full.seconds)} events/s")
    worlds.let_arrive(later, base)
    more = dbt(folder, "run", *CORE)
    shares = worlds.touched_shares(later, base)
    nothing = dbt(folder, "run", *CORE)
    rest = dbt(folder, "run")
    note(f"  1 % {kind}: {more.seconds:.1f} s; nothing new: {nothing.seconds:.1f} s")
    shutil.rmtree(folder)
    build = full.seconds - start.seconds
    return [
        million(there),
        kind,
        f"{full.seconds:.1f} s",
        thousands(there / full.seconds),
        thousands(there / build),
        megabytes(full.peak_bytes),
        f"{more.seconds:.1f} s",
        f"{(more.seconds - start.seconds) / build:.2f}",
        f"{shares['session partitions']:.2f}",
        f"{shares['visitors']:.2f}",
        f"{nothing.seconds:.1f} s",
        f"{start.seconds:.1f} s",
        f"{rest.seconds - nothing.seconds:.1f} s",
    ]


def _seconds(measured: Measured) -> float:
    return measured.seconds


def _where(models: dict[str, float]) -> str:
    whole = sum(models.values())
    longest = sorted(models.items(), key=lambda item: -item[1])[:9]
    rows = [[name, f"{taken:.1f} s", f"{taken / whole:.0%}"] for name, taken in longest]
    return table(["model", "time, four at once", "share"], rows)


# ── room ──────────────────────────────────────────────────────────────────────────────────────


def room(bench: Bench) -> str:
    events = _middle(bench)
    folder = bench.built(events)
    database = folder / "work.duckdb"
    rows = []
    for relation in RELATIONS:
        job = {"database": str(database), "relation": relation, "folder": str(folder)}
        facts = measure(CONTESTANTS, "room", job).facts
        for name in ("room.duckdb", "room.parquet"):
            (folder / name).unlink()
        here, there = facts["table"] / facts["rows"], facts["parquet"] / facts["rows"]
        rows.append([relation, million(facts["rows"]), f"{here:.0f} B", f"{there:.0f} B",
                     f"{here / there:.2f}"])  # fmt: skip
    whole = os.path.getsize(database) / worlds.count_events(database)
    heads = ["rows of", "", "a row in DuckDB", "a row in zstd Parquet", "ratio"]
    return section(
        "Room",
        table(heads, rows),
        f"The whole work file, raw tables and everything: {whole:.0f} B an event.",
    )


def _middle(bench: Bench) -> int:
    sizes = bench.size.events
    return sizes[len(sizes) // 2]


# ── sessions ──────────────────────────────────────────────────────────────────────────────────


def sessions(bench: Bench) -> str:
    events = _middle(bench)
    folder = bench.built(events)
    parquet, database = folder / "events.parquet", folder / "sessions.duckdb"
    with worlds.connect(folder / "work.duckdb") as con:
        con.execute(
            "create temp table picked as select event_key, partition_key,"
            " epoch_us(occurred_at) as occurred_us, is_clock_skewed, is_activity, event_name"
            " from intermediate.int_events"
        )
        con.execute(
            "copy (select * replace (event_key::varchar as event_key,"
            f" partition_key::varchar as partition_key) from picked) to '{parquet}'"
        )
        con.execute(f"attach '{database}' as kept (storage_version 'v1.5.0')")
        con.execute("create table kept.events_in as from picked")
    compiled = folder / "target" / "compiled" / "sightline" / MODEL
    text = compiled.read_text(encoding="utf-8")
    clickhouse = str(folder / "clickhouse")
    measure(CONTESTANTS, "prepare_clickhouse", {"folder": clickhouse, "parquet": str(parquet)})
    ours = {"database": str(database), "query": sessionising_query(text, "duckdb")}
    theirs = {"folder": clickhouse, "query": sessionising_query(text, "clickhouse")}
    runs = alternate(
        bench.size.rounds,
        lambda turn: measure(CONTESTANTS, "sessions_duckdb", ours),
        lambda turn: measure(CONTESTANTS, "sessions_clickhouse", theirs),
    )
    answers = {tuple(each.facts["answer"]) for side in runs for each in side}
    assert len(answers) == 1, f"the engines disagree: {answers}"
    rows = []
    for name, side in zip(("DuckDB", "ClickHouse (chdb)"), runs, strict=True):
        taken = Spread.of(each.seconds for each in side)
        peak = max(each.peak_bytes for each in side)
        rows.append([name, f"{taken.middle:.2f} s", megabytes(peak)])
    pairs = zip(*runs, strict=True)
    compared = ratio(Spread.of(one.seconds / other.seconds for one, other in pairs))
    found = next(iter(answers))[0]
    return section(
        f"Sessionisation of {million(events)} events, {found:,} sessions",
        table(["engine", "time", "peak memory"], rows),
        f"DuckDB takes {compared} times as long; the sessions, their starts, ends, active time and "
        "events are the same.",
    )


SECTIONS = {"builds": builds, "room": room, "sessions": sessions}

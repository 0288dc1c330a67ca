"""The questions, one function each: measures, and returns a section of Markdown."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from benchmarks.build import worlds
from benchmarks.build.sections import dbt
from benchmarks.measuring import ContestantFailed, Measured, Spread, alternate, measure, note
from benchmarks.questions import clickhouse
from benchmarks.questions.contestants import THREADS
from benchmarks.questions.rows import Rows, asked_returns
from benchmarks.report import megabytes, million, ratio, section, table

CONTESTANTS = "benchmarks.questions.contestants"
# Of the funnels, the one that is asked for alone.
ONE_FUNNEL = "prompt_saved"
SLOW_MS = 30
# Not computed anew, but read from what the build has stored.
KEPT = "asked of the mart"
# A question's answer is compared, so a contestant is: its name, and a run of it.
Contestant = tuple[str, Callable[[int], Measured]]


@dataclass(frozen=True)
class Size:
    events: int
    rounds: int
    asked: int


class Bench:
    """The temporary folder: a warehouse that is built, and the rows taken from it, each made when
    it is first needed."""

    def __init__(self, folder: Path, size: Size, worlds_folder: Path | None = None):
        self.folder, self.size, self.worlds_folder = folder, size, worlds_folder or folder
        self._built: Path | None = None
        self._rows: Rows | None = None

    def built(self) -> Path:
        if self._built is None:
            events = self.size.events
            world = worlds.land_world(self.worlds_folder / f"world-{events}", events)
            self._built = self.folder / "built"
            self._built.mkdir()
            shutil.copy(world, self._built / "work.duckdb")
            note("building every table")
            dbt(self._built, "seed")
            dbt(self._built, "run")
        return self._built

    def rows(self) -> Rows:
        if self._rows is None:
            built = self.built()
            note("taking out the rows")
            self._rows = Rows(built, self.folder / "rows")
            job = {"folder": self.clickhouse, "tables": clickhouse.tables(self._rows)}
            measure(CONTESTANTS, "prepare_clickhouse", job)
        return self._rows

    @property
    def clickhouse(self) -> str:
        return str(self.folder / "clickhouse")

    # A contestant each; a run is a process of its own.

    def duckdb(self, database: Path, query: str, name: str = "the models' SQL") -> Contestant:
        job = {"database": str(database), "query": query}
        return name, lambda turn: measure(CONTESTANTS, "ask_duckdb", job)

    def chdb(self, name: str, query: str) -> Contestant:
        job = {"folder": self.clickhouse, "query": query}
        return name, lambda turn: measure(CONTESTANTS, "ask_clickhouse", job)

    def polars(self, question: str, **arguments) -> Contestant:
        job = {"question": question, "arguments": arguments}
        threads = {"POLARS_MAX_THREADS": str(THREADS)}
        return "polars", lambda turn: measure(CONTESTANTS, "ask_polars", job, **threads)


HEADS = ["question", "", "time", "least", "most", "the models' SQL, of this", "peak memory"]


def _compared(
    bench: Bench, question: str, kept: list[list] | None, *contestants: Contestant
) -> list[list[str]]:
    """A row of the table for each contestant; the first is ours. All answers must be the same, and
    what the build has kept."""
    note(question)
    names = [name for name, _ in contestants]
    runs = alternate(bench.size.rounds, *(run for _, run in contestants))
    expected = runs[0][0].facts["answer"] if kept is None else kept
    for name, side in zip(names, runs, strict=True):
        for each in side:
            _must_equal(question, name, each.facts["answer"], expected)
    rows = []
    for name, side in zip(names, runs, strict=True):
        taken = Spread.of(each.seconds for each in side)
        pairs = zip(runs[0], side, strict=True)
        compared = Spread.of(ours.seconds / other.seconds for ours, other in pairs)
        rows.append([
            question if name == names[0] else "",
            name,
            *map(_shown, (taken.middle, taken.least, taken.most)),
            "" if name == names[0] else ratio(compared),
            megabytes(max(each.peak_bytes for each in side)),
        ])  # fmt: skip
    return rows


def _shown(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _must_equal(question: str, name: str, answer: list[list], expected: list[list]) -> None:
    if answer == expected:
        return
    theirs = {tuple(row) for row in answer}
    ours = {tuple(row) for row in expected}
    raise ContestantFailed(
        f"{question}, {name}: another answer. Of {len(answer)} and {len(expected)} rows"
        f" {len(theirs - ours)} are only here and {len(ours - theirs)} only there, such as"
        f" {sorted(theirs - ours)[:3]} and {sorted(ours - theirs)[:3]}"
    )


# ── funnels ───────────────────────────────────────────────────────────────────────────────────


def funnels(bench: Bench) -> str:
    rows = bench.rows()
    parquet = str(rows.parquet("funnel_rows"))
    most = max(funnel.step_count for funnel in rows.funnels)
    frame = {"parquet": parquet, "step_count": most}
    kept = rows.kept["levels"]
    of_one = [row for row in kept if row[0] == ONE_FUNNEL]
    found = _compared(
        bench,
        f"how far each unit came, {len(rows.funnels)} funnels",
        kept,
        bench.duckdb(rows.database, rows.levels()),
        bench.chdb("windowFunnel, sorted rows", clickhouse.levels(rows, clickhouse.SORTED)),
        bench.chdb("windowFunnel, rows as kept", clickhouse.levels(rows, clickhouse.UNSORTED)),
        bench.polars("levels", **frame),
        bench.duckdb(rows.warehouse, rows.kept_levels(), KEPT),
    )
    found += _compared(
        bench,
        f"the same, {ONE_FUNNEL} alone",
        of_one,
        bench.duckdb(rows.database, rows.levels(ONE_FUNNEL)),
        bench.chdb(
            "windowFunnel, sorted rows", clickhouse.levels(rows, clickhouse.SORTED, ONE_FUNNEL)
        ),
        bench.chdb(
            "windowFunnel, rows as kept", clickhouse.levels(rows, clickhouse.UNSORTED, ONE_FUNNEL)
        ),
        bench.polars("levels", **frame, funnel_name=ONE_FUNNEL),
        bench.duckdb(rows.warehouse, rows.kept_levels(ONE_FUNNEL), KEPT),
    )
    found += _compared(
        bench,
        "by day of entry, with times",
        rows.kept["steps"],
        bench.duckdb(rows.database, rows.steps()),
        bench.polars("steps", **frame),
        bench.duckdb(rows.warehouse, rows.kept_steps(), KEPT),
    )
    units = sum(row[2] for row in kept)
    _, run = bench.chdb("strict_increase", clickhouse.otherwise(rows))
    [[otherwise]] = run(0).facts["answer"]
    return section(
        f"Funnels of {million(bench.size.events)} events, {million(rows.funnel_rows)} of them "
        f"matching a step, {units:,} units that entered",
        table(HEADS, found),
        "Units by funnel and level are the same from all, and those of `funnel_people`; units and "
        "seconds by funnel, day of entry and step those of `int_funnel_steps`.",
        f"With `strict_increase`, windowFunnel would answer {otherwise:,} units otherwise.",
    )


# ── retention ─────────────────────────────────────────────────────────────────────────────────


def retention(bench: Bench) -> str:
    rows = bench.rows()
    frame = {
        "days": str(rows.parquet("person_days")),
        "firsts": str(rows.parquet("person_firsts")),
        "as_of": rows.as_of_date,
    }
    found = _compared(
        bench,
        "cohorts of days, back on day 0 to 30",
        rows.kept["returns"],
        bench.duckdb(rows.warehouse, rows.returns()),
        bench.chdb("retention()", clickhouse.returns(rows, joined=False)),
        bench.chdb("retention(), rows joined before", clickhouse.returns(rows, joined=True)),
        bench.polars("returns", **frame),
        bench.duckdb(rows.warehouse, asked_returns("retention"), KEPT),
    )
    found += _compared(
        bench,
        "the whole mart",
        None,
        bench.duckdb(rows.warehouse, rows.whole_retention()),
    )
    return section(
        f"Retention of {million(bench.size.events)} events, "
        f"{million(rows.day_rows)} days of persons",
        table(HEADS, found),
        f"{len(rows.kept['returns']):,} pairs of cohort and day: sizes and how many were back are "
        "the same from all, and those of `retention`.",
    )


# ── dashboard ─────────────────────────────────────────────────────────────────────────────────


def dashboard(bench: Bench) -> str:
    job = {"database": str(bench.built() / "work.duckdb"), "rounds": bench.size.asked}
    note(f"asking a dashboard's questions {bench.size.asked} times")
    facts = measure(CONTESTANTS, "ask_dashboard", job).facts
    rows, slow = [], 0
    for name, taken in facts["taken"].items():
        first, *later = [1000 * seconds for seconds in taken]
        cuts = quantiles(later, n=20, method="inclusive")
        slow += cuts[-1] > SLOW_MS
        rows.append([
            name,
            f"{facts['counts'][name]:,}",
            *(f"{value:.1f} ms" for value in (cuts[9], cuts[18], first)),
            "slow" if cuts[-1] > SLOW_MS else "",
        ])  # fmt: skip
    return section(
        f"A dashboard on {million(bench.size.events)} events",
        table(["question", "rows", "p50", "p95", "the first time", f"above {SLOW_MS} ms"], rows),
        f"{len(rows) - slow} of {len(rows)} questions are answered within {SLOW_MS} ms (p95).",
    )


SECTIONS = {"funnels": funnels, "retention": retention, "dashboard": dashboard}

"""The questions, one function each: measures, and returns a section of Markdown."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from benchmarks.landing import history, workloads
from benchmarks.landing.workloads import STREAMS, Workload, World
from benchmarks.measuring import (
    ContestantFailed,
    Measured,
    Spread,
    alternate,
    measure,
    note,
)
from benchmarks.report import (
    RUN_HEADS,
    megabytes,
    million,
    ratio,
    run_cells,
    seconds,
    section,
    table,
    thousands,
)

CONTESTANTS = "benchmarks.landing.contestants"
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Size:
    """How much is measured, and how often."""

    rows: int
    rounds: int
    sample: int  # records for dlt, which is slow
    batch: int  # rows landed on top of a history
    history: tuple[int, ...]
    large_bytes: int
    small_files: int
    stage_rows: int
    memory_limit_bytes: int = 1_500_000_000


class Bench:
    """The temporary folder and the worlds in it, each made when it is first needed."""

    def __init__(self, folder: Path, size: Size):
        self.folder, self.size = folder, size
        self._worlds: dict[bool, World] = {}
        self._runs = 0

    def world(self, clean: bool) -> World:
        if clean not in self._worlds:
            name = "clean" if clean else "dirty"
            note(f"simulating a {name} world of {million(self.size.rows)} rows")
            self._worlds[clean] = workloads.build_world(self.folder / name, self.size.rows, clean)
        return self._worlds[clean]

    def run(
        self,
        contestant: str,
        workload: Workload,
        prepare: Callable[[Path], None] = lambda folder: None,
        **arguments,
    ) -> Measured:
        """One run in a folder of its own, which is gone afterwards."""
        self._runs += 1
        folder = self.folder / f"run-{self._runs}"
        folder.mkdir()
        try:
            prepare(folder)
            job = {"landing": str(workload.folder), "folder": str(folder), **arguments}
            measured = measure(CONTESTANTS, contestant, job)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        rate = thousands(workload.records / measured.seconds)
        peak = megabytes(measured.peak_bytes)
        note(f"  {contestant}: {measured.seconds:.1f} s, {rate} rows/s, peak {peak}")
        return measured


# ── against the raw engine ────────────────────────────────────────────────────────────────────


def rates(bench: Bench) -> str:
    rows, silent = [], []
    for clean in (True, False):
        world, kind = bench.world(clean), "clean" if clean else "dirty"
        for shape, workload in (("plain", world.plain), ("as sent", world.as_sent)):
            name = f"{kind}, {shape}"
            theirs, ours = _pair(bench, name, workload, dirty=not clean)
            rows += _pair_rows(name, workload, theirs, ours)
            if not clean:
                silent.append(_what_went_wrong(name, workload, theirs[0], ours[0]))
    clean_world = bench.world(True)
    for stream in STREAMS:
        folder = bench.folder / "one-stream"
        workload = workloads.one_stream(clean_world, stream, folder)
        theirs, ours = _pair(bench, stream, workload, dirty=False)
        rows += _pair_rows(stream.partition("/")[0], workload, theirs, ours)
        shutil.rmtree(folder)
    heads = ["files", "", "rows", *RUN_HEADS, "database", "of the ceiling"]
    return section(
        "Rate against the raw engine",
        table(heads, rows),
        "What the raw engine does with dirty files, and says nothing about:",
        table(
            ["files", "records", "rows", "all null", "ids twice", "Sightline: landed",
             "duplicates", "quarantined", "blank"],
            silent,
        ),
    )  # fmt: skip


def _pair(bench: Bench, name: str, workload: Workload, dirty: bool):
    note(f"{name}: {million(workload.records)} rows, {megabytes(workload.bytes)}")
    return alternate(
        bench.size.rounds,
        lambda turn: bench.run("ceiling", workload, dirty=dirty),
        lambda turn: bench.run("sightline", workload),
    )


def _pair_rows(name, workload, theirs, ours) -> list[list[str]]:
    of_ceiling = Spread.of(
        their.seconds / our.seconds for their, our in zip(theirs, ours, strict=True)
    )
    shared = [million(workload.records)]
    return [
        [name, "read_json", *shared, *run_cells(theirs, workload.records, workload.bytes),
         megabytes(theirs[0].facts["file_bytes"]), ""],
        ["", "Sightline", *shared, *run_cells(ours, workload.records, workload.bytes),
         megabytes(ours[0].facts["file_bytes"]), ratio(of_ceiling)],
    ]  # fmt: skip


def _what_went_wrong(name: str, workload: Workload, their: Measured, our: Measured) -> list[str]:
    numbers = [
        workload.records,
        *(their.facts[key] for key in ("rows", "rows_without_type_and_time", "repeated_ids")),
        *(our.facts[key] for key in ("landed", "duplicates", "quarantined", "blank")),
    ]
    return [name, *(f"{number:,}" for number in numbers)]


# ── against dlt ───────────────────────────────────────────────────────────────────────────────


def peers(bench: Bench) -> str:
    rows, notes = [], []
    for clean in (True, False):
        kind = "clean" if clean else "dirty"
        folder = bench.folder / f"sample-{kind}"
        workload = workloads.sample(bench.world(clean), bench.size.sample, folder)
        note(f"dlt, {kind}: {workload.records:,} rows")
        if not clean:
            stopped = bench.run("dlt", workload, skip_broken=False)
            if reason := stopped.facts.get("failure"):
                notes.append(
                    f"On the dirty files dlt's own `read_jsonl` stops, and nothing lands: "
                    f"`{reason}`."
                )
        theirs, ours = alternate(
            max(1, bench.size.rounds - 1),
            lambda turn, workload=workload, clean=clean: bench.run(
                "dlt", workload, skip_broken=not clean
            ),
            lambda turn, workload=workload: bench.run("sightline", workload),
        )
        if failure := theirs[0].facts.get("failure"):
            raise ContestantFailed(f"dlt: {failure}")
        times = Spread.of(
            their.seconds / our.seconds for their, our in zip(theirs, ours, strict=True)
        )
        name = "dlt" if clean else "dlt, broken lines skipped"
        for contestant, runs, faster in ((name, theirs, ""), ("Sightline", ours, ratio(times))):
            cells = run_cells(runs, workload.records, workload.bytes)
            size = megabytes(runs[0].facts["file_bytes"])
            first = kind if runs is theirs else ""
            rows.append([first, contestant, f"{workload.records:,}", *cells, size, faster])
    heads = ["files", "", "rows", *RUN_HEADS, "database", "times as fast"]
    return section("Rate against dlt, on a sample", table(heads, rows), *notes)


# ── on top of what is there ───────────────────────────────────────────────────────────────────


def grown(bench: Bench) -> str:
    size, folder = bench.size, bench.folder / "history"
    clean, dirty = bench.world(True), bench.world(False)
    earlier, late = workloads.split_by_day(dirty, size.batch, folder / "dirty")
    _, in_order = workloads.split_by_day(clean, size.batch, folder / "clean")
    month = _land_month(bench, earlier, folder / "month")
    files: dict[int, Path | None] = {0: None}
    longest, months = month, 1
    for wanted in size.history:
        have, months = months, history.months_for(wanted, earlier.records)
        note(f"history of {million(wanted)} rows: {months} months")
        target = folder / f"rows-{wanted}.duckdb"
        files[history.write_history(month, longest, target, have, months)] = target
        longest = target
    first_day = date.fromisoformat(min(path.name for path in earlier.folder.glob("*/*/*")))
    first_day -= timedelta(days=(months - 1) * workloads.DAYS)
    batches = {
        "days that come next, clean": in_order,
        "days that come next, dirty: some events up to 20 days late": late,
        "the same, each file with an event of the first day of all": workloads.with_first_day(
            late, first_day, folder / "first-day"
        ),
    }
    rows = []
    for name, batch in batches.items():
        note(f"{name}: {million(batch.records)} rows, {megabytes(batch.bytes)}")
        runs = alternate(
            size.rounds,
            *(
                lambda turn, batch=batch, file=file: bench.run("sightline", batch, _placing(file))
                for file in files.values()
            ),
        )
        for (already, file), mine in zip(files.items(), runs, strict=True):
            flat = Spread.of(
                first.seconds / run.seconds for first, run in zip(runs[0], mine, strict=True)
            )
            cells = run_cells(mine, batch.records, batch.bytes)
            on_disk = megabytes(file.stat().st_size) if file else ""
            first = "" if already else name
            rows.append([first, million(already), on_disk, *cells, ratio(flat)])
    shutil.rmtree(folder)
    heads = ["landed on top", "rows there", "database", *RUN_HEADS, "rate, of that at 0"]
    return section("Rate as history grows", table(heads, rows))


def _land_month(bench: Bench, earlier: Workload, folder: Path) -> Path:
    note(f"landing {million(earlier.records)} rows, which history is made of")
    folder.mkdir(parents=True)
    measure(CONTESTANTS, "sightline", {"landing": str(earlier.folder), "folder": str(folder)})
    return folder / "work.duckdb"


def _placing(file: Path | None) -> Callable[[Path], None]:
    def place(folder: Path) -> None:
        if file is not None:
            history.copy_to(file, folder / "work.duckdb")

    return place


# ── any size of file ──────────────────────────────────────────────────────────────────────────


def sizes(bench: Bench) -> str:
    world, size, folder = bench.world(True), bench.size.large_bytes, bench.folder / "large"
    plain = folder / "plain.ndjson"
    note(f"writing a file of {megabytes(size)}")
    records = workloads.write_large(world, plain, size)
    tenth = folder / "tenth.ndjson"
    few = workloads.write_large(world, tenth, size // 10)
    # An array is held in memory as a whole, so there is a limit to its size.
    part = folder / "part.ndjson"
    array_records = workloads.write_large(world, part, min(size // 2, 250 * _MIB))
    kinds: tuple[tuple[str, str, Callable[[Path], object], int], ...] = (
        ("Parquet, a tenth", "large.parquet", partial(workloads.write_parquet, tenth), few),
        ("plain lines, a tenth", "large.ndjson", _moving(tenth), few),
        ("gzip", "large.ndjson.gz", partial(workloads.write_gzip, plain), records),
        ("one array", "large.json", partial(workloads.write_array, part), array_records),
        ("plain lines", "large.ndjson", _moving(plain), records),
    )
    rows = []
    for name, file_name, write, count in kinds:
        landing = folder / "landing"
        write(landing / workloads.LARGE_STREAM / file_name)
        workload = Workload.of(landing, count)
        note(f"one file, {name}: {million(count)} rows, {megabytes(workload.bytes)}")
        run = bench.run("sightline", workload)
        if run.facts["loaded"] != 1:
            raise ContestantFailed(f"one file, {name}: it was not loaded: {run.facts}")
        share = f"{run.peak_bytes / bench.size.memory_limit_bytes:.2f}"
        cells = run_cells([run], count, workload.bytes)
        rows.append([name, megabytes(workload.bytes), million(count), *cells, share])
        shutil.rmtree(landing)
    shutil.rmtree(folder)
    heads = ["one file", "size", "rows", *RUN_HEADS, "of 1.5 GB"]
    return section("Memory, whatever the size of the file", table(heads, rows))


def _moving(path: Path) -> Callable[[Path], None]:
    def move(target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)

    return move


def small_files(bench: Bench) -> str:
    folder = bench.folder / "small"
    workloads.write_small(bench.world(True), folder, bench.size.small_files, 100)
    note(f"{bench.size.small_files} files of 100 lines")
    data = bench.folder / "small-data"
    job = {"landing": str(folder), "folder": str(data)}
    rows = []
    for name in ("the first time", "again, nothing new"):
        run = measure(CONTESTANTS, "sightline", job)
        note(f"  {name}: {run.seconds:.1f} s")
        each = f"{1000 * run.seconds / bench.size.small_files:.2f} ms"
        cells = [seconds(Spread.of([run.seconds])), each, megabytes(run.peak_bytes)]
        rows.append([name, f"{run.facts['landed']:,}", *cells])
    shutil.rmtree(folder)
    shutil.rmtree(data)
    heads = [f"{bench.size.small_files:,} files of 100 lines", "rows landed", "time", "a file",
             "peak memory"]  # fmt: skip
    return section("Many small files", table(heads, rows))


# ── where the time goes ───────────────────────────────────────────────────────────────────────


def stages(bench: Bench) -> str:
    kinds: dict[str, Workload] = {}
    clean, folder = bench.world(True), bench.folder / "stages"
    for stream in STREAMS:
        source = stream.partition("/")[0]
        kinds[source] = _last_files(
            clean.plain_streams[stream], stream, bench.size.stage_rows, folder / source
        )
    dirty, records = bench.world(False), 0
    for stream in STREAMS:
        records += _last_files(
            dirty.plain_streams[stream], stream, bench.size.stage_rows // 4, folder / "dirty"
        ).records
    kinds["all, dirty"] = Workload.of(folder / "dirty", records)
    spent: dict[str, dict[str, float]] = {}
    missing: set[str] = set()
    for name, workload in kinds.items():
        note(f"stages, {name}")
        run = bench.run("sightline_in_stages", workload)
        missing.update(run.facts["missing"])
        rows = run.facts["landed"] + run.facts["duplicates"]
        spent[name] = {stage: 1e6 * taken / rows for stage, taken in run.facts["stages"].items()}
    shutil.rmtree(folder)
    totals = {name: sum(times.values()) for name, times in spent.items()}
    names = list(next(iter(spent.values())))
    rows = [
        [stage, *(f"{spent[name][stage]:.2f}" for name in kinds),
         f"{sum(spent[name][stage] / totals[name] for name in kinds) / len(kinds):.0%}"]
        for stage in names
    ]  # fmt: skip
    rows.append(["**all**", *(f"{total:.2f}" for total in totals.values()), "100%"])
    parts = [table(["µs a row, one process", *kinds, "share"], rows)]
    if missing:
        listed = ", ".join(sorted(missing))
        parts.append(f"Not found, so counted for the stage around it: {listed}.")
    return section("Where the time goes", *parts)


def _last_files(source: Workload, stream: str, rows: int, folder: Path) -> Workload:
    """The last files of a stream (the fullest days) until there are so many rows."""
    taken = 0
    for path in sorted(source.folder.rglob("*.ndjson"), reverse=True):
        if taken >= rows:
            break
        target = folder / stream / path.relative_to(source.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        taken += path.read_bytes().count(b"\n")
    return Workload.of(folder, taken)


SECTIONS: dict[str, Callable[[Bench], str]] = {
    "rates": rates,
    "dlt": peers,
    "history": grown,
    "sizes": sizes,
    "small": small_files,
    "stages": stages,
}

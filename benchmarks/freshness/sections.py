"""The questions, one function each: measures, and returns a section of Markdown."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.build import worlds
from benchmarks.freshness import arrivals
from benchmarks.measuring import PROJECT, measure, note, run
from benchmarks.report import megabytes, million, section, table

CONTESTANTS = "benchmarks.freshness.contestants"
ROUNDS = 2
PARTS = ("land", "start", "models", "tests", "copy", "check", "swap")


class Bench:
    def __init__(self, folder: Path, sizes: tuple[int, ...], worlds_folder: Path | None = None):
        self.folder, self.sizes, self.worlds_folder = folder, sizes, worlds_folder or folder


def freshness(bench: Bench) -> str:
    rows = []
    for events in bench.sizes:
        rows += _of_world(bench, events)
    heads = [
        "events", "what arrives", "how", "seen after", "processor", "of the first run",
        "landing", "dbt's start", "models", "tests", "copy", "check", "swap", "peak memory",
    ]  # fmt: skip
    return section("From a file's arrival to its numbers", table(heads, rows))


def _of_world(bench: Bench, events: int) -> list[list[str]]:
    world = worlds.land_world(bench.worlds_folder / f"world-{events}", events)
    later = arrivals.prepare(world, events)
    data = bench.folder / "data"
    data.mkdir()
    shutil.copy(world, data)
    shutil.copytree(world.with_name("keys"), data / "keys")
    environment = {
        "SIGHTLINE_DATA": str(data),
        "DBT_TARGET_PATH": str(bench.folder / "target"),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_PROJECT_DIR": str(PROJECT),
    }
    kinds = sorted(path for path in later.iterdir())
    job = {"kinds": [str(kind) for kind in kinds], "rounds": ROUNDS}
    measured = measure(CONTESTANTS, "watch", job, **environment)
    first, runs = measured.facts["first"], measured.facts["runs"]
    peak = megabytes(measured.peak_bytes)
    size = million(worlds.count_events(data / "work.duckdb"))
    rows = [[size, "all of it", "first run", *_cells(first, first), peak]]
    for kind in kinds:
        best = min((r for r in runs if r["kind"] == str(kind)), key=lambda r: r["seen"])
        what = f"{best['events']:,}, {kind.name}"
        rows.append([size, what, "watching", *_cells(best, first), peak])
        note(f"  {size}: {what}: {best['seen']:.1f} s")
        arrivals.arrive(kind, data, ROUNDS)
        # Exit code 3: some lines were put aside.
        command = [str(PROJECT / ".venv/bin/sightline"), "run"]
        once, _ = run(["sh", "-c", '"$@" || [ $? -eq 3 ]', "sh", *command], **environment)
        rows.append([
            size, what, "once", f"{once.seconds:.1f} s", f"{once.cpu_seconds:.1f} s",
            f"{once.seconds / first['seconds']:.2f}", *("" for _ in PARTS),
            megabytes(once.peak_bytes),
        ])  # fmt: skip
    idle = measured.facts["nothing"]
    rows.append([size, "nothing", "watching", f"{idle:.1f} s", *("" for _ in range(10))])
    shutil.rmtree(data)
    return rows


def _cells(facts: dict, first: dict) -> list[str]:
    return [
        f"{facts.get('seen', facts['seconds']):.1f} s",
        f"{facts['cpu_seconds']:.1f} s",
        f"{facts['seconds'] / first['seconds']:.2f}",
        *(f"{facts[part]:.1f}" for part in PARTS),
    ]


SECTIONS = {"freshness": freshness}

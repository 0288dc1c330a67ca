"""The whole simulation: plan, first pass over people, second pass over files, truth.

    people in blocks ─► rows ─► lines ─► spool ─► files by arrival day ─► landing/
            └──────────────── hidden truth ────────────────────────────► truth/

Both passes run in worker processes if there are any; what a block or a file holds depends only on
the plan, so the number of workers changes nothing but the time.
"""

import multiprocessing
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.block import BlockResult, simulate_block
from simulator.event_files import EventFile, FileCounts, write_event_file
from simulator.extracts import Dump, write_dump, write_example_prompts, write_reference
from simulator.feeds import FEEDS
from simulator.parameters import APPS, Plan, parameter_table
from simulator.people import draw_people
from simulator.true_funnels import funnel_table
from simulator.truth import write_truth
from simulator.visits import visit_rates
from simulator.world import build_world

# Changes whenever the same seed would give other bytes.
WORLD_VERSION = "1"

# Mean events a visit, measured; for the expected size of a world.
EVENTS_PER_VISIT = (10.4, 18.8, 15.8, 16.4)
BLOCK_EVENTS = 100_000
PART_EVENTS = 150_000
FEW_EVENTS = 250_000

Progress = Callable[[int, int], None]


@dataclass
class SimulationSummary:
    """What was written. Counts are of records, dirt included."""

    out: Path
    truth: Path
    events: dict[str, int] = field(default_factory=dict)
    extract_rows: dict[str, int] = field(default_factory=dict)
    dirt: dict[str, int] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    seconds: float = 0.0

    @property
    def event_total(self) -> int:
        return sum(self.events.values())

    def __str__(self) -> str:
        rate = self.event_total / max(self.seconds, 0.001)
        streams = [f"  {name}: {n:,}" for name, n in sorted(self.events.items())]
        dirt = ", ".join(f"{name} {n:,}" for name, n in self.dirt.items() if n) or "none"
        return "\n".join(
            [
                f"{self.event_total:,} events and {sum(self.extract_rows.values()):,} table rows "
                f"in {self.files:,} files ({self.bytes / 1e6:,.1f} MB) at {self.out}",
                *streams,
                f"  dirt: {dirt}",
                f"truth: {self.truth}",
                f"{self.seconds:,.1f} s, {rate:,.0f} events/s",
            ]
        )


def simulate(
    out: Path,
    *,
    users: int,
    days: int,
    seed: int,
    scale: float = 1.0,
    start: date = date(2026, 3, 2),
    clean: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SimulationSummary:
    """Write a seeded world to `out`, and its truth to the folder `truth` beside it.

    The same arguments give the same bytes, however many workers there are. An existing world at
    `out` is written again if it is the same one, and refused otherwise. `progress` is told how
    many events are done and expected; one that is simulated but not yet written counts half.

    Worker processes import the calling script anew: call this under `if __name__ == "__main__"`.
    """
    began = time.perf_counter()
    out = Path(out)
    truth = out.parent / "truth"
    _check(users, days, seed, scale)
    expected = expected_events(users, days, scale=scale, start=start)
    plan = Plan(
        users=users,
        days=days,
        seed=seed,
        scale=scale,
        start=start,
        clean=clean,
        block_people=int(np.clip(BLOCK_EVENTS * users / max(expected, 1), 20, 1500)),
        parts_per_day=tuple(_parts(expected, days) for _ in FEEDS),
        spool=Path(),
    )
    _refuse_other_world(plan, out, truth)
    out.mkdir(parents=True, exist_ok=True)
    spool = Path(tempfile.mkdtemp(prefix=".simulation-", dir=out.parent))
    plan = replace(plan, spool=spool)
    if workers is None:
        workers = 1 if expected < FEW_EVENTS else min(2, os.cpu_count() or 1)
    try:
        with _pool(workers) as run:
            files, results = _two_passes(plan, out, run, expected, progress)
        _write_truth(plan, truth, files, results)
    finally:
        shutil.rmtree(spool, ignore_errors=True)
    summary = _summarise(out, truth, files, sum(r.missing_ends for r in results))
    summary.seconds = time.perf_counter() - began
    return summary


def expected_events(
    users: int, days: int, *, scale: float = 1.0, start: date = date(2026, 3, 2)
) -> int:
    """About how many events a world will have, without simulating it (within a few per cent)."""
    sample = 5000
    plan = Plan(sample, days, 0, scale, start, True, sample, (), Path())
    people = draw_people(plan, 0)
    total = 0.0
    for app in range(len(APPS)):
        rates = visit_rates(plan, people, app)
        members = np.flatnonzero(people.member[:, app])
        # Nobody stays away on their first day.
        sure = np.exp(-rates[members, people.arrival_day[members]]).sum()
        total += (rates.sum() + sure) * EVENTS_PER_VISIT[app]
    return round(total * users / sample)


def _check(users: int, days: int, seed: int, scale: float) -> None:
    if users < 1 or days < 1:
        raise ValueError(f"a world needs at least one user and one day, not {users} and {days}")
    if seed < 0:
        raise ValueError(f"a seed is a whole number from 0, not {seed}")
    if scale <= 0:
        raise ValueError(f"scale multiplies activity and must be above 0, not {scale}")


def _parts(expected: int, days: int) -> int:
    """Parts a day, so that big worlds get more files rather than files without bound."""
    return max(1, round(expected / 3 / days / PART_EVENTS))


def _refuse_other_world(plan: Plan, out: Path, truth: Path) -> None:
    if not out.exists() or not any(out.iterdir()):
        return
    known = truth / "parameters.parquet"
    if known.exists() and pq.read_table(known).equals(parameter_table(plan, WORLD_VERSION)):
        return
    raise FileExistsError(
        f"{out} holds files of another world; landing files are never replaced. "
        "Give a new folder, or delete this one first."
    )


class _pool:
    """`map` in worker processes, or in this one when there is one worker."""

    def __init__(self, workers: int):
        self._executor: ProcessPoolExecutor | None = None
        if workers > 1:
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(
                workers, mp_context=context, initializer=_one_thread
            )

    def __enter__(self) -> Callable[[Callable, Iterable], Iterator]:
        return self._executor.map if self._executor else map

    def __exit__(self, *failure: object) -> None:
        if self._executor:
            self._executor.shutdown(cancel_futures=True)


def _one_thread() -> None:
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def _two_passes(
    plan: Plan,
    out: Path,
    run: Callable[[Callable, Iterable], Iterator],
    expected: int,
    progress: Progress | None,
) -> tuple[list[FileCounts], list[BlockResult]]:
    report = progress or (lambda written, total: None)
    results: list[BlockResult] = []
    simulated = 0
    for result in run(partial(simulate_block, plan), range(plan.blocks)):
        results.append(result)
        simulated += result.events
        report(simulated // 2, max(expected, simulated))
    event_files, dumps = _plan_files(plan, results)
    files: list[FileCounts] = []
    written = 0
    for counts in run(partial(write_event_file, plan, out), event_files):
        files.append(counts)
        written += counts.records
        report((simulated + written) // 2, max(simulated, written))
    report(written, written)
    files += [f for f in run(partial(write_dump, plan, out), dumps) if f]
    files += write_reference(plan, build_world(plan.seed, plan.behaviour), out)
    files += write_example_prompts(plan, out, sum(result.example_uses for result in results))
    return sorted(files, key=lambda f: f.path), results


def _plan_files(plan: Plan, results: list[BlockResult]) -> tuple[list[EventFile], list[Dump]]:
    pieces = defaultdict(list)
    for result in results:
        for key, piece in result.pieces.items():
            pieces[key].append(piece)
    keys = sorted(key for key in pieces if key[0] == "events")
    files = [
        EventFile(number, feed, day, part, tuple(pieces["events", feed, day, part]))
        for number, (_, feed, day, part) in enumerate(keys)
    ]
    tables = sorted(key for key in pieces if key[0] == "extract")
    dumps = [
        Dump(source, stream, only_new, day, tuple(pieces["extract", source, stream, only_new]))
        for _, source, stream, only_new in tables
        for day in plan.dump_days()
    ]
    return files, dumps


def _write_truth(
    plan: Plan, truth: Path, files: list[FileCounts], results: list[BlockResult]
) -> None:
    totals: dict[str, list[int]] = {}
    for result in results:
        for name, counts in result.funnels.items():
            before = totals.get(name, [0] * len(counts))
            totals[name] = [a + b for a, b in zip(before, counts, strict=True)]
    world = build_world(plan.seed, plan.behaviour)
    write_truth(plan, world, truth, files, funnel_table(totals), WORLD_VERSION)


def _summarise(
    out: Path, truth: Path, files: list[FileCounts], missing_ends: int
) -> SimulationSummary:
    summary = SimulationSummary(out, truth, files=len(files), bytes=sum(f.bytes for f in files))
    for f in files:
        name = f"{f.source}/{f.stream}"
        kept = summary.extract_rows if f.vocabulary == "extract" else summary.events
        kept[name] = kept.get(name, 0) + f.records
    for kind, column in (
        ("duplicate", "duplicate_records"),
        ("late", "late_records"),
        ("out_of_order", "out_of_order_records"),
        ("skewed", "skewed_records"),
        ("unknown_type", "unknown_type_records"),
        ("missing_field", "missing_field_records"),
        ("missing_id", "missing_id_records"),
        ("malformed", "malformed_lines"),
        ("blank", "blank_lines"),
    ):
        summary.dirt[kind] = sum(getattr(f, column) for f in files)
    summary.dirt["missing_session_end"] = missing_ends
    return summary

"""What runs in a process of its own: `python -m benchmarks.freshness.contestants <name> <job>`."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import duckdb

from benchmarks.freshness import arrivals
from benchmarks.measuring import answer
from loaders.running import Runner
from loaders.settings import published_file

_LOOK_EVERY = 0.02


def watch(kinds: list[str], rounds: int) -> dict:
    """A first run that builds all that has landed; then, a file at a time, what arrives."""
    steps = _Steps()
    runner = Runner(steps.begin)
    began = time.perf_counter()
    first = _run(runner, steps)
    nothing = [_run(runner, steps)["seconds"] for _ in range(rounds)]
    data, runs = published_file().parent, []
    for number in range(rounds):
        for kind in kinds:
            reader = _start_reader()
            began_at = time.time()
            events = arrivals.arrive(Path(kind), data, number)
            seconds = time.time() - began_at
            done = _run(runner, steps)
            seen_at = float(reader.communicate()[0])
            runs.append(done | {"kind": kind, "events": events})
            runs[-1]["seen"] = seen_at - began_at - seconds
    return {
        "seconds": time.perf_counter() - began,
        "first": first,
        "nothing": min(nothing),
        "runs": runs,
    }


class _Steps:
    """When each step began."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def begin(self, step: str = "") -> None:
        self.times.append(time.time())


def _run(runner: Runner, steps: _Steps) -> dict:
    steps.times.clear()
    steps.begin()
    began, processor = time.perf_counter(), _processor()
    runner.run()
    facts = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": _processor() - processor,
    }
    steps.begin()
    if len(steps.times) < 6:
        return facts
    _, building, copying, checking, swapping, ended = steps.times
    return facts | {
        "land": building - steps.times[0],
        **_build_parts(building, copying),
        "copy": checking - copying,
        "check": swapping - checking,
        "swap": ended - swapping,
    }


def _build_parts(began: float, ended: float) -> dict:
    """Tests run beside models: the time is shared out by how long each were under way."""
    results = json.loads(
        (Path(os.environ["DBT_TARGET_PATH"]) / "run_results.json").read_text("utf-8")
    )["results"]
    times = [
        datetime.fromisoformat(part["started_at"]).timestamp()
        for result in results
        for part in result["timing"]
    ]
    start = min(times) - began
    tests = sum(r["execution_time"] for r in results if r["unique_id"].startswith("test."))
    share = tests / sum(result["execution_time"] for result in results)
    rest = ended - began - start
    return {"start": start, "models": rest * (1 - share), "tests": rest * share}


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _start_reader() -> subprocess.Popen:
    version = os.readlink(published_file())
    command = [sys.executable, "-m", __spec__.name, "read", json.dumps({"version": version})]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read(version: str) -> dict:
    """Looks until there is another version; when it has found the newest event in it."""
    while os.readlink(published_file()) == version:
        time.sleep(_LOOK_EVERY)
    with duckdb.connect(str(published_file()), read_only=True) as con:
        con.execute("select max(load_id) from events").fetchall()
    print(time.time())
    sys.exit()


if __name__ == "__main__":
    answer(watch, read)

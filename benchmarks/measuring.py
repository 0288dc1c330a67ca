"""A contestant in a fresh process: seconds of the work itself, processor time, peak memory.

Memory is that of the whole tree, workers counted: every 20 ms the sum of what is resident, less
what is counted twice because processes share it (libraries, mostly).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

PROJECT = Path(__file__).absolute().parents[1]
_EVERY_SECONDS = 0.02
_PAGE = os.sysconf("SC_PAGE_SIZE")
# What is shared is read when the tree has grown by so much. To read it walks all pages: every
# 20 ms that took a third of a core.
_GROWN = 1.05


class ContestantFailed(Exception):
    """A contestant ended with an error; the message is the end of what it printed."""


@dataclass(frozen=True)
class Measured:
    """One run. `facts` is what the contestant itself reports: rows, bytes, what it got wrong."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    facts: dict = field(default_factory=dict)

    def rate(self, records: int) -> float:
        return records / self.seconds


def measure(module: str, contestant: str, job: dict, **environment: str) -> Measured:
    """Run the function `contestant` of a module whose `__main__` prints what it returns. It times
    itself: Python's start and imports are no part of the work."""
    command = [sys.executable, "-m", module, contestant, json.dumps(job)]
    whole, text = run(command, **environment)
    facts = json.loads(text.rstrip().rpartition("\n")[2])
    return replace(whole, seconds=facts.pop("seconds"), facts=facts)


def run(command: list[str], **environment: str) -> tuple[Measured, str]:
    """Run a command, in the project's folder; its whole time, and what it printed."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        watch = _MemoryWatch(process.pid)
        watch.start()
        try:
            # wait4 tells the processor time of the process and of all that it waited for.
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            watch.end()
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        seconds = time.perf_counter() - began
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if process.returncode != 0:
        shown = " ".join(command[:4])
        raise ContestantFailed(f"{shown}: exit code {process.returncode}\n{text[-3000:]}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, watch.peak), text


def answer(*contestants: Callable[..., dict]) -> None:
    """The `__main__` of a module with contestants: what `measure` calls."""
    name, job = sys.argv[1:]
    known = {contestant.__name__: contestant for contestant in contestants}
    print(json.dumps(known[name](**json.loads(job))))


def _environment(extra: dict[str, str]) -> dict[str, str]:
    """A shell's own settings must not reach in: they would measure something else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGHTLINE_")}
    return kept | {"PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1"} | extra


class _MemoryWatch(threading.Thread):
    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid, self.peak = pid, 0
        self._looked_at = self._shared = 0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            tree = _tree(self.pid)
            resident = sum(map(_resident, tree))
            if resident > self._looked_at * _GROWN:
                self._looked_at = resident
                self._shared = max(0, resident - sum(map(_proportional, tree)))
            self.peak = max(self.peak, resident - self._shared)

    def end(self) -> None:
        self._ended.set()
        self.join()


def _tree(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        found.append(parent)
        try:
            threads = os.listdir(f"/proc/{parent}/task")
        except OSError:
            continue
        for thread in threads:
            text = _read(f"/proc/{parent}/task/{thread}/children")
            waiting.extend(map(int, text.split()))
    return found


def _read(path: str) -> str:
    """The file's text, or nothing: a process may end at any moment."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


def _resident(pid: int) -> int:
    fields = _read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * _PAGE if fields else 0


def _proportional(pid: int) -> int:
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return _resident(pid)


@dataclass(frozen=True)
class Spread:
    """The median of some runs, and how far they lie apart."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, values) -> Spread:
        values = list(values)
        return cls(median(values), min(values), max(values))


def alternate(rounds: int, *contestants) -> list[list[Measured]]:
    """Runs in turn, and every other round in the opposite order, so that what drifts (a laptop
    that gets hot, a neighbour that wakes) is shared. Each contestant is a function of the round."""
    runs: list[list[Measured]] = [[] for _ in contestants]
    for turn in range(rounds):
        order = list(enumerate(contestants))
        for place, contestant in order if turn % 2 == 0 else reversed(order):
            runs[place].append(contestant(turn))
    return runs


def note(text: str) -> None:
    """What is being done, on stderr: the tables alone are on stdout."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)

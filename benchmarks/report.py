"""Measurements → Markdown."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version

from benchmarks.measuring import Measured, Spread

_MB = 1_000_000


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table whose columns are as wide as their widest cell; all but the first lean right."""
    widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    edges = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in [heads, edges, *rows]
    )


def section(title: str, *parts: str) -> str:
    return "\n\n".join([f"### {title}", *parts])


def thousands(rate: float) -> str:
    return f"{rate / 1000:.1f} k" if rate < 10_000 else f"{rate / 1000:,.0f} k"


def million(rows: float) -> str:
    """2 M, 1.5 M, 98 k: so short that a table stays readable."""
    if 0 < rows < 1e6:
        return f"{rows / 1e3:.0f} k"
    return f"{rows / 1e6:.1f} M".replace(".0 M", " M")


def megabytes(number_of_bytes: float) -> str:
    amount = number_of_bytes / _MB
    return f"{amount:.1f} MB" if amount < 10 else f"{amount:,.0f} MB"


def seconds(spread: Spread) -> str:
    return f"{spread.middle:.1f} s"


def ratio(spread: Spread) -> str:
    """The median, and the least and the most of the runs in brackets."""
    return f"{spread.middle:.2f} ({spread.least:.2f} to {spread.most:.2f})"


def run_cells(runs: list[Measured], records: int, file_bytes: int) -> list[str]:
    """Time, rate, processor time and peak of some runs of one contestant: medians."""
    taken = Spread.of(run.seconds for run in runs)
    return [
        seconds(taken),
        thousands(records / taken.middle),
        megabytes(file_bytes / taken.middle),
        seconds(Spread.of(run.cpu_seconds for run in runs)),
        megabytes(max(run.peak_bytes for run in runs)),
    ]


RUN_HEADS = ["time", "rows/s", "MB/s", "processor", "peak memory"]


def circumstances(command: str, packages: tuple[str, ...]) -> str:
    """When and on what: without it a number says nothing."""
    listed = ", ".join(f"{name} {_version(name)}" for name in packages)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{time.strftime('%Y-%m-%d')}, {platform.system()} {platform.machine()}, "
        f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GB of memory, "
        f"load before the run {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        f"{listed}. `{command}`"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"

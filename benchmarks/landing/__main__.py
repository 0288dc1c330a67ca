"""The command. Tables on stdout and in benchmarks/results/, what is being done on stderr.

From the project's folder:

    python -m benchmarks.landing --quick                 under two minutes, to see that it works
    python -m benchmarks.landing                         half an hour and 20 GB of disk
    python -m benchmarks.landing --only rates stages     some of the questions
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.landing.measuring import PROJECT, ContestantFailed, note
from benchmarks.landing.report import circumstances
from benchmarks.landing.sections import SECTIONS, Bench, Size

RESULTS = PROJECT / "benchmarks" / "results"
FULL = Size(
    rows=2_000_000,
    rounds=3,
    sample=40_000,
    batch=500_000,
    history=(10_000_000, 30_000_000),
    large_bytes=3_000_000_000,
    small_files=2_000,
    stage_rows=200_000,
)
# So small that starting processes is much of what is measured: to see that all of it works.
QUICK = Size(
    rows=100_000,
    rounds=1,
    sample=2_000,
    batch=20_000,
    history=(500_000,),
    large_bytes=60_000_000,
    small_files=50,
    stage_rows=10_000,
)


def main() -> int:
    arguments = _parser().parse_args()
    size = QUICK if arguments.quick else FULL
    if arguments.rows:
        size = replace(size, rows=arguments.rows, batch=min(size.batch, arguments.rows // 4))
    if arguments.history:
        size = replace(size, history=tuple(sorted(arguments.history)))
    chosen = arguments.only or list(SECTIONS)
    if arguments.skip_dlt:
        chosen = [name for name in chosen if name != "dlt"]
    if "dlt" in chosen and importlib.util.find_spec("dlt") is None:
        print("dlt is not installed: pip install -r requirements-bench.lock, or --skip-dlt",
              file=sys.stderr)  # fmt: skip
        return 1
    folder = Path(tempfile.mkdtemp(prefix="sightline-bench-", dir=arguments.folder))
    try:
        needed = _disk_needed(size, chosen)
        free = shutil.disk_usage(folder).free
        if free < needed:
            print(f"{folder.parent}: {needed / 1e9:.0f} GB are needed and {free / 1e9:.0f} free; "
                  "name another folder with --folder", file=sys.stderr)  # fmt: skip
            return 1
        return _run(Bench(folder, size), chosen)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(bench: Bench, chosen: list[str]) -> int:
    began = time.monotonic()
    shown = "".join(f" {argument}" for argument in sys.argv[1:])
    parts = [circumstances(shown)]
    print(parts[0])
    failed = 0
    for name in chosen:
        try:
            part = SECTIONS[name](bench)
        except ContestantFailed as error:  # the other questions can still be answered
            part, failed = f"### {name}\n\nFailed: {error}", 1
        parts.append(part)
        print(f"\n{part}", flush=True)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"landing-{time.strftime('%Y-%m-%d-%H%M%S')}.md"
    file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    note(f"{time.monotonic() - began:.0f} s; the tables are in {file.relative_to(PROJECT)}")
    return failed


def _disk_needed(size: Size, chosen: list[str]) -> int:
    """Of the largest question: files in both shapes, a history and its copy, a large file."""
    worlds = 2 * size.rows * 800
    histories = 250 * (sum(size.history) + max(size.history)) if "history" in chosen else 0
    large = 3 * size.large_bytes if "sizes" in chosen else 0
    return worlds + max(histories, large)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.landing",
        description="How fast files land, in how much memory, and where the time goes.",
    )
    parser.add_argument("--rows", type=int, help="rows of each simulated world (2 million)")
    parser.add_argument("--history", type=int, nargs="+", metavar="ROWS",
                        help="rows already loaded (10 and 30 million)")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="small sizes, one run of each")
    parser.add_argument("--skip-dlt", action="store_true", help="without dlt, which is slow")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), help="some of the questions")
    parser.add_argument("--folder", type=Path, help="where the temporary files go")
    return parser


if __name__ == "__main__":
    sys.exit(main())

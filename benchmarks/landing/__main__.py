"""The command. From the project's folder:

python -m benchmarks.landing --quick                 under two minutes, to see that it works
python -m benchmarks.landing                         half an hour and 20 GB of disk
python -m benchmarks.landing --only rates stages     some of the questions
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace

from benchmarks.command import answer_questions, parser
from benchmarks.landing.sections import SECTIONS, Bench, Size

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


PACKAGES = ("duckdb", "orjson", "msgspec", "pyarrow", "numpy", "dlt")


def main() -> int:
    arguments = _arguments()
    size = QUICK if arguments.quick else FULL
    if arguments.rows:
        size = replace(size, rows=arguments.rows, batch=min(size.batch, arguments.rows // 4))
    if arguments.history:
        size = replace(size, history=tuple(sorted(arguments.history)))
    chosen = {
        name: section
        for name, section in SECTIONS.items()
        if name in (arguments.only or SECTIONS) and not (name == "dlt" and arguments.skip_dlt)
    }
    if "dlt" in chosen and importlib.util.find_spec("dlt") is None:
        print("dlt is not installed: pip install -r requirements-bench.lock, or --skip-dlt",
              file=sys.stderr)  # fmt: skip
        return 1
    return answer_questions(
        "benchmarks.landing",
        chosen,
        lambda folder: Bench(folder, size),
        arguments.folder,
        _disk_needed(size, chosen),
        PACKAGES,
    )


def _disk_needed(size: Size, chosen: dict) -> int:
    """Of the largest question: files in both shapes, a history and its copy, a large file."""
    worlds = 2 * size.rows * 800
    histories = 250 * (sum(size.history) + max(size.history)) if "history" in chosen else 0
    large = 3 * size.large_bytes if "sizes" in chosen else 0
    return worlds + max(histories, large)


def _arguments():
    flags = parser(
        "benchmarks.landing",
        "How fast files land, in how much memory, and where the time goes.",
        SECTIONS,
    )
    flags.add_argument("--rows", type=int, help="rows of each simulated world (2 million)")
    flags.add_argument("--history", type=int, nargs="+", metavar="ROWS",
                       help="rows already loaded (10 and 30 million)")  # fmt: skip
    flags.add_argument("--skip-dlt", action="store_true", help="without dlt, which is slow")
    return flags.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""The command. From the project's folder:

python -m benchmarks.build --quick             two minutes, to see that it works
python -m benchmarks.build                     half an hour and 40 GB of disk
python -m benchmarks.build --only sessions     some of the questions
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from benchmarks.build.sections import SECTIONS, Bench, Size
from benchmarks.command import answer_questions, parser

FULL = Size(events=(1_000_000, 10_000_000, 30_000_000), rounds=5)
QUICK = Size(events=(100_000,), rounds=1)
PACKAGES = ("duckdb", "dbt-core", "dbt-duckdb", "chdb")


def main() -> int:
    flags = parser("benchmarks.build", "How fast the tables are built.", SECTIONS)
    flags.add_argument("--events", type=int, nargs="+", help="events of the worlds")
    flags.add_argument("--worlds", type=Path, help="keep landed worlds here, for the next run")
    arguments = flags.parse_args()
    size = QUICK if arguments.quick else FULL
    if arguments.events:
        size = Size(tuple(sorted(arguments.events)), size.rounds)
    chosen = {name: SECTIONS[name] for name in arguments.only or SECTIONS}
    if "sessions" in chosen and importlib.util.find_spec("chdb") is None:
        print("chdb is not installed: pip install -r requirements-bench.lock", file=sys.stderr)
        return 1
    return answer_questions(
        "benchmarks.build",
        chosen,
        lambda folder: Bench(folder, size, arguments.worlds),
        arguments.folder,
        1000 * sum(size.events),
        PACKAGES,
    )


if __name__ == "__main__":
    sys.exit(main())

"""The command. From the project's folder:

python -m benchmarks.freshness --quick         three minutes, to see that it works
python -m benchmarks.freshness                 half an hour and 30 GB of disk
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.command import answer_questions, parser
from benchmarks.freshness.sections import SECTIONS, Bench

FULL = (1_000_000, 10_000_000)
QUICK = (100_000,)
PACKAGES = ("duckdb", "dbt-core", "dbt-duckdb")


def main() -> int:
    flags = parser("benchmarks.freshness", "How soon numbers are there.", SECTIONS)
    flags.add_argument("--events", type=int, nargs="+", help="events of the worlds")
    flags.add_argument("--worlds", type=Path, help="keep landed worlds here, for the next run")
    arguments = flags.parse_args()
    sizes = tuple(sorted(arguments.events or (QUICK if arguments.quick else FULL)))
    return answer_questions(
        "benchmarks.freshness",
        SECTIONS,
        lambda folder: Bench(folder, sizes, arguments.worlds),
        arguments.folder,
        3000 * max(sizes),
        PACKAGES,
    )


if __name__ == "__main__":
    sys.exit(main())

"""The command. From the project's folder:

python -m benchmarks.questions --quick               two minutes, to see that it works
python -m benchmarks.questions                       half an hour and 10 GB of disk
python -m benchmarks.questions --only dashboard      some of the questions
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from benchmarks.command import answer_questions, parser
from benchmarks.questions.sections import SECTIONS, Bench, Size

FULL = Size(events=10_000_000, rounds=5, asked=100)
QUICK = Size(events=100_000, rounds=1, asked=20)
PACKAGES = ("duckdb", "dbt-duckdb", "chdb", "polars")


def main() -> int:
    flags = parser("benchmarks.questions", "How fast questions are answered.", SECTIONS)
    flags.add_argument("--events", type=int, help="events of the world")
    flags.add_argument("--worlds", type=Path, help="keep the landed world here, for the next run")
    arguments = flags.parse_args()
    size = QUICK if arguments.quick else FULL
    if arguments.events:
        size = Size(arguments.events, size.rounds, size.asked)
    chosen = {name: SECTIONS[name] for name in arguments.only or SECTIONS}
    for package in {"chdb", "polars"} if set(chosen) - {"dashboard"} else ():
        if importlib.util.find_spec(package) is None:
            print(
                f"{package} is not installed: pip install -r requirements-bench.lock",
                file=sys.stderr,
            )
            return 1
    return answer_questions(
        "benchmarks.questions",
        chosen,
        lambda folder: Bench(folder, size, arguments.worlds),
        arguments.folder,
        1000 * size.events,
        PACKAGES,
    )


if __name__ == "__main__":
    sys.exit(main())

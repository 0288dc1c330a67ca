"""The command. From the project's folder:

python -m benchmarks.mastery --quick                              two minutes, to see that it works
python -m benchmarks.mastery                                      ten minutes and 10 GB of disk
python -m benchmarks.mastery --only predictions --attempts FILE   on attempts of your own
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from benchmarks.command import answer_questions, parser
from benchmarks.mastery.attempts import UnreadableFile, check_file
from benchmarks.mastery.sections import SECTIONS, Bench, Size

FULL = Size(
    users=4_000, drawn=500, attempts=(1_000_000, 10_000_000), learners=100_000, events=300_000
)
QUICK = Size(users=400, drawn=100, attempts=(100_000,), learners=1_000, events=50_000)
PACKAGES = ("duckdb", "dbt-core", "dbt-duckdb", "numpy", "scikit-learn")


def main() -> int:
    flags = parser("benchmarks.mastery", "How well and how fast answers are predicted.", SECTIONS)
    flags.add_argument(
        "--attempts",
        type=Path,
        metavar="FILE",
        help="CSV or Parquet: learner, question, topic, correct, and time or order",
    )
    arguments = flags.parse_args()
    size = QUICK if arguments.quick else FULL
    if arguments.attempts:
        try:
            check_file(arguments.attempts)
        except UnreadableFile as error:
            print(error, file=sys.stderr)
            return 1
    chosen = {name: SECTIONS[name] for name in arguments.only or SECTIONS}
    if "predictions" in chosen and importlib.util.find_spec("sklearn") is None:
        print(
            "scikit-learn is not installed: pip install -r requirements-bench.lock",
            file=sys.stderr,
        )
        return 1
    return answer_questions(
        "benchmarks.mastery",
        chosen,
        lambda folder: Bench(folder, size, arguments.attempts),
        arguments.folder,
        1000 * max(size.attempts),
        PACKAGES,
    )


if __name__ == "__main__":
    sys.exit(main())

"""What the benchmarks' commands share: flags, a temporary folder, a file of tables.

Tables go to stdout and to benchmarks/results/, what is being done to stderr.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import PROJECT, ContestantFailed, note
from benchmarks.report import circumstances

RESULTS = PROJECT / "benchmarks" / "results"


def parser(module: str, description: str, sections: dict[str, Callable]) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    made.add_argument("--quick", action="store_true", help="small sizes, one run of each")
    made.add_argument("--only", nargs="+", choices=list(sections), help="some of the questions")
    made.add_argument("--folder", type=Path, help="where the temporary files go")
    return made


def answer_questions(
    module: str,
    sections: dict[str, Callable],
    bench: Callable[[Path], object],
    folder: Path | None,
    disk_needed: int,
    packages: tuple[str, ...],
) -> int:
    """Each section is a function of the bench (made in a temporary folder) that returns Markdown.
    Returns the exit code."""
    temporary = Path(tempfile.mkdtemp(prefix="sightline-bench-", dir=folder))
    try:
        free = shutil.disk_usage(temporary).free
        if free < disk_needed:
            print(
                f"{temporary.parent}: {disk_needed / 1e9:.0f} GB are needed and {free / 1e9:.0f} "
                "free; name another folder with --folder",
                file=sys.stderr,
            )
            return 1
        return _answer(module, sections, bench(temporary), packages)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _answer(module: str, sections: dict[str, Callable], bench, packages: tuple[str, ...]) -> int:
    began = time.monotonic()
    command = " ".join(["python -m", module, *sys.argv[1:]])
    # Where files lie on this machine says nothing of a number.
    command = re.sub(r" --(worlds|folder)[ =]\S+", "", command)
    parts = [circumstances(command, packages)]
    print(parts[0])
    failed = 0
    for name, section in sections.items():
        try:
            part = section(bench)
        except ContestantFailed as error:  # the other questions can still be answered
            part, failed = f"### {name}\n\nFailed: {error}", 1
        parts.append(part)
        print(f"\n{part}", flush=True)
    RESULTS.mkdir(exist_ok=True)
    name = module.rpartition(".")[2]
    file = RESULTS / f"{name}-{time.strftime('%Y-%m-%d-%H%M%S')}.md"
    file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    note(f"{time.monotonic() - began:.0f} s; the tables are in {file.relative_to(PROJECT)}")
    return failed

"""What the docs tell people to type is typed here, in a copy of the project.

Of README.md and each file in docs/, from top to bottom:

- A block marked sh is run by a shell in the project's folder. A text block right behind is what it
  prints: `…` stands for anything, and space at the ends of lines does not count.
- A block behind “Write `path`:” becomes that file, one behind “Add to `path`:” is put at its end.
- All other blocks are for reading. Those with commands that cannot run here are listed in NOT_RUN.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

PROJECT = Path(__file__).resolve().parents[2]
# The first builds the tables that the others ask, with one app more in them.
PAGES = sorted(
    [Path("README.md"), *(path.relative_to(PROJECT) for path in PROJECT.glob("docs/*.md"))],
    key=lambda page: (page.name != "adding-an-app.md", page),
)
# Not marked sh; the reason why. Whoever writes a command that no test runs says so here.
NOT_RUN = {
    "make demo": "installs into .venv; .ci/run does it",
    "make test": "is what runs this",
    ".venv/bin/python -m pytest": "docs/evidence.md: they are tests themselves",
    ".venv/bin/dbt build": "docs/adding-an-app.md does it, by sightline run",
    ".venv/bin/sightline run --watch": "never ends; README.md and others run it once",
    ".venv/bin/sightline rollback": "tests/warehouse/test_running.py does it",
    ".venv/bin/marimo": "opens a browser; tests/notebooks runs the notebooks",
    ".venv/bin/sightline metrics query": "tests/warehouse/test_metrics.py runs each",
    "duckdb -readonly": "the client is no Python package",
    "sightline export": "test_docs.py runs each",
    "git pull": "there is no newer version",
    ".venv/bin/sightline run": "after git pull; other blocks do it",
    "make setup": "installs into .venv; every other make target does it",
    ".venv/bin/sightline fit-mastery": "takes more learners; test_fitting.py does it",
}
COMMANDS = r"^(?:\.venv/bin/|make |sightline |dbt |apt |pip |uv |git |crontab )"


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    text: str
    instruction: str = ""  # write, add to, or nothing
    path: str = ""
    expected: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path, text: str) -> list[Block]:
    found: list[Block] = []
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        before = text[: match.start()]
        language, content = match.groups()
        if language == "text" and found and found[-1].language == "sh" and not found[-1].expected:
            between = before[before.rindex("\n```\n") + 5 :]
            if not between.strip():
                last = found.pop()
                found.append(Block(last.page, last.line, "sh", last.text, expected=content))
                continue
        told = re.search(r"(Write|Add to) `([^`\n]+)`[^`\n]*:\s*\Z", before)
        instruction, path = told.groups() if told else ("", "")
        line = before.count("\n") + 1
        found.append(Block(page, line, language, content, instruction.lower(), path))
    return found


BLOCKS = {page: blocks_of(page, (PROJECT / page).read_text("utf-8")) for page in PAGES}


class Copy:
    """The project as somebody has it who has just cloned it and run `make setup`."""

    def __init__(self, folder: Path):
        self.folder, self.is_built = folder, False
        kept = ("loaders", "simulator", "models", "macros", "seeds", "analyses", "tests", ".ci")
        kept += ("notebooks",)
        ignored = shutil.ignore_patterns("__pycache__", "*.duckdb")
        for name in kept:
            shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
        for name in ("dbt_project.yml", "profiles.yml", "pyproject.toml", "Makefile"):
            shutil.copy(PROJECT / name, folder / name)
        (folder / ".venv" / "bin").mkdir(parents=True)
        for name in ("python", "sightline", "dbt", "sqlfluff", "marimo"):
            command = folder / ".venv" / "bin" / name
            real = Path(sys.executable).with_name(name)
            command.write_text(
                f'#!/bin/sh\nPYTHONPATH="{folder}" exec "{real}" "$@"\n', encoding="utf-8"
            )
            command.chmod(0o755)
        # What `make setup` leaves behind, so that make has nothing to install.
        (folder / ".venv" / "made-in").write_text(f"{folder}\n", "utf-8")
        for name in ("requirements.lock", ".venv/locked", ".venv/installed"):
            (folder / name).touch()
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SIGHTLINE_", "DBT_", "PYTEST_"))
            and name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        }

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment | {"PYTHONUTF8": "1", "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def manage(self, script: str) -> str:
        done = self.run(script)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def build(self) -> None:
        """What `make demo` leaves behind, unless a page has built the tables by now."""
        if not self.is_built:
            self.manage(".venv/bin/sightline run")
        self.is_built = True

    def follow(self, block: Block) -> None:
        if block.instruction:
            path = self.folder / block.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if block.instruction == "add to" else "w", encoding="utf-8") as file:
                file.write(block.text)
        elif block.language == "sh":
            done = self.run(block.text)
            said = done.stdout + done.stderr
            assert done.returncode == 0, f"{block}: exit code {done.returncode}\n{said}"
            if block.expected is not None:
                assert agrees(block.expected, done.stdout), f"{block} prints\n{done.stdout}"


def agrees(expected: str, printed: str) -> bool:
    """Whether it is what was printed, `…` being anything."""

    def tidy(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.strip().splitlines())

    pattern = ".*?".join(re.escape(part) for part in tidy(expected).split("…"))
    return re.fullmatch(pattern, tidy(printed), re.DOTALL) is not None


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Copy:
    copy = Copy(tmp_path_factory.mktemp("docs") / "sightline")
    copy.manage(".venv/bin/sightline simulate --users 60 --days 10 --clean")
    add_an_app_that_does_everything(copy.folder)
    copy.manage(".venv/bin/sightline add-app everything")
    copy.manage(".venv/bin/sightline land")
    return copy


SOURCE = """\
source: everything
timezone: UTC
streams:
  deeds:
    kind: events
    event_id: n
    event_type: event_name
    occurred_at: at
    user_id: user
    anonymous_id: device
    columns:
      is_correct: {path: is_correct, type: boolean}
      is_success: {path: is_success, type: boolean}
      xp_amount: {path: xp_amount, type: integer}
      duration_ms: {path: duration_ms, type: number}
"""
IDS = ("topic", "question", "material", "course", "lesson", "quiz", "achievement", "sketch")


def add_an_app_that_does_everything(folder: Path) -> None:
    """It sends every event that any app has, with any of the shared fields or none, and asks for
    none of them in the registry: the tables and all of their tests must do with that."""
    random, at = Random(1), datetime(2026, 3, 2)
    ids = "".join(f"      {name}_id: {name}_id\n" for name in IDS)
    (folder / "loaders" / "sources" / "everything.yml").write_text(SOURCE + ids, "utf-8")
    registry = folder / "seeds" / "event_registry.csv"
    with registry.open(encoding="utf-8", newline="") as file:
        known = {row["event_name"]: row for row in csv.DictReader(file)}
    with registry.open("a", encoding="utf-8") as file:
        for name, row in known.items():
            what = f"{row['event_category']},,,{row['is_activity']},{row['is_view']}"
            file.write(f"everything,{name},{name},{what}\n")
    sent = []
    for number in range(1500):
        at += timedelta(seconds=random.choice([5, 50, 300]))
        values = {f"{name}_id": f"{name}-{random.randint(0, 2)}" for name in IDS}
        values |= {name: random.random() < 0.5 for name in ("is_correct", "is_success")}
        values |= {"xp_amount": random.randint(-3, 20), "duration_ms": random.uniform(-5, 99_999)}
        record = {name: value for name, value in values.items() if random.random() < 0.7}
        record |= {"n": f"n{number}", "at": at.isoformat(), "event_name": random.choice([*known])}
        record["user"] = random.choice([None, "u1", "u2", "u3"])
        sent.append(record | {"device": random.choice(["d1", "d2", "d3"])})
    path = folder / "data" / "landing" / "everything" / "deeds" / "1.ndjson"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in sent), "utf-8")


RUN = {
    page: [block for block in blocks if block.instruction or block.language == "sh"]
    for page, blocks in BLOCKS.items()
}


@pytest.mark.parametrize("page", [page for page, blocks in RUN.items() if blocks], ids=str)
def test_the_commands_do_what_the_page_says(page, project):
    runnable = RUN[page]
    if not any("sightline run" in block.text for block in runnable):
        project.build()
    for block in runnable:
        project.follow(block)
    project.is_built = True


def test_what_is_not_run_says_why():
    offenders = [
        f"{block}: {line}"
        for blocks in BLOCKS.values()
        for block in blocks
        if block.language != "sh" and not block.instruction
        for line in block.text.splitlines()
        if re.match(COMMANDS, line) and not line.startswith(tuple(NOT_RUN))
    ]
    assert offenders == []


def test_every_reason_is_still_needed():
    texts = [block.text for blocks in BLOCKS.values() for block in blocks if block.language != "sh"]
    lines = [line for text in texts for line in text.splitlines()]
    unused = [name for name in NOT_RUN if not any(line.startswith(name) for line in lines)]
    assert unused == []


PAGE = """\
Write `a/b.yml`, the file:

```yaml
x: 1
```

```sh
echo one; echo 2.5 s
```

```text
one
… s
```

```text
for reading
```
"""


def test_a_page_is_read_as_written():
    written, run, read = blocks_of(Path("page.md"), PAGE)
    assert (written.instruction, written.path, written.text) == ("write", "a/b.yml", "x: 1\n")
    assert (run.text, run.expected) == ("echo one; echo 2.5 s\n", "one\n… s\n")
    assert (read.language, read.expected) == ("text", None)
    assert agrees(run.expected, "one  \n2.5 s\n\n")
    assert not agrees(run.expected, "two\n2.5 s\n")

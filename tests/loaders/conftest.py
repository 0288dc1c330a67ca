"""A warehouse of its own for every test, and short ways to fill it and to ask it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from hypothesis import settings

from loaders.landing import Outcome, Report, land
from tests.loaders.records import lines

PROJECT = Path(__file__).resolve().parents[2]
# Written long ago: the loader does not trust the clock tick in which a file was last written.
LONG_AGO = 1_700_000_000

# No test may depend on how busy the machine is.
settings.register_profile("door", deadline=None)
settings.load_profile("door")


class Door:
    """A data folder; files dropped into its landing folder are landed here or by the command."""

    def __init__(self, data: Path):
        self.data, self.landing, self.work = data, data / "landing", data / "work.duckdb"

    def drop(self, name: str, content: bytes | list) -> Path:
        """Put a file at landing/<name>: bytes, or a list of records as JSON lines."""
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else lines(content))
        os.utime(path, (LONG_AGO, LONG_AGO))
        return path

    def land(self, *paths: Path, **options) -> Report:
        report = land(paths, **options)
        assert report.failure is None, report.failure
        for outcome in report.outcomes:
            accounted = (outcome.landed, outcome.duplicates, outcome.quarantined, outcome.blank)
            assert outcome.lines == sum(accounted), outcome
        return report

    def land_only(self, name: str, content: bytes | list, **options) -> Outcome:
        """Drop one file and land it; its outcome."""
        path = self.drop(name, content)
        (outcome,) = self.land(path, **options).outcomes
        return outcome

    def query(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.work), read_only=True) as con:
            con.execute("set TimeZone = 'UTC'")
            return con.execute(sql).fetchall()

    def rows(self, stream: str, without: tuple[str, ...] = ()) -> list[dict]:
        """The raw rows of `source/stream`, in the order of file and line."""
        with duckdb.connect(str(self.work), read_only=True) as con:
            found = con.execute(
                f'select * from raw."{stream.replace("/", "__")}" order by file, line, item'
            )
            names = [column[0] for column in found.description]
            return [
                {name: value for name, value in zip(names, row, strict=True) if name not in without}
                for row in found.fetchall()
            ]

    def quarantine(self) -> list[tuple[int, int, str]]:
        return self.query("select line, item, reason from raw.quarantine order by file, line, item")

    def reasons(self) -> list[str]:
        return [reason for _, _, reason in self.quarantine()]

    def environment(self, **settings: object) -> dict[str, str]:
        given = {name: str(value) for name, value in settings.items()}
        return os.environ | {"PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1"} | given

    def command(self, *arguments: object) -> list[str]:
        main = "from loaders.cli import main; main(prog_name='sightline')"
        return [sys.executable, "-c", main, *map(str, arguments)]

    def run(self, *arguments: object, **settings: object) -> subprocess.CompletedProcess:
        """The command in a process of its own, as a user runs it."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(**settings),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def run_json(self, *arguments: object, **settings: object) -> dict:
        done = self.run(*arguments, "--json", **settings)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    for name in list(os.environ):
        if name.startswith("SIGHTLINE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SIGHTLINE_WAIT_SECONDS", "1")
    return Door(tmp_path / "data")

"""`sightline run` as a user has it: a test that fails, kills, late files, a rollback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from random import Random

import duckdb
import pytest

from loaders.building import BuildFailed
from loaders.overview import overview
from loaders.publishing import NothingPublished, current, rollback
from loaders.running import Runner
from loaders.settings import published_file
from loaders.status import read_status
from tests.warehouse.conftest import PROJECT, Warehouse
from tests.warehouse.worlds import as_file, extracts, world

FAILING = "-- Born today: a test that nothing passes.\nselect 1 as problem\n"


def drop(warehouse: Warehouse, streams: dict[str, list[dict]]) -> None:
    """Files, for the run to land."""
    warehouse.landed += 1
    for stream, records in streams.items():
        path = (
            warehouse.folder / "landing" / stream / "2026-06-30" / f"{warehouse.landed:04}.ndjson"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_file(records))


def published(query: str) -> list[tuple]:
    with duckdb.connect(str(published_file()), read_only=True) as con:
        return con.execute(query).fetchall()


def assert_published_is_built(warehouse: Warehouse) -> None:
    """Each published table holds the rows of the mart, and a mart is published or is no mart."""
    marts = {
        name
        for name, node in warehouse.models().items()
        if node["path"].replace(os.sep, "/").startswith("marts/")
    }
    with duckdb.connect(str(published_file()), read_only=True) as con:
        con.execute(f"attach '{warehouse.folder / 'work.duckdb'}' as work (read_only)")
        tables = {
            name for (name,) in con.execute("select table_name from published_tables").fetchall()
        }
        assert tables == marts
        for name in sorted(tables - {"restatements"}):
            [[different]] = con.execute(
                f"select count(*) from ((from main.{name} except all from work.main.{name}) "
                f"union all (from work.main.{name} except all from main.{name}))"
            ).fetchall()
            assert different == 0, name


def test_from_the_first_file_to_the_last_version(warehouse, monkeypatch):
    warehouse.enter()
    monkeypatch.setenv("SIGHTLINE_WAIT_SECONDS", "60")
    project = warehouse.with_own_project()
    warehouse.enter()
    runner = Runner()
    with pytest.raises(NothingPublished, match="sightline run"):
        overview()

    drop(warehouse, world(Random(1), 80) | extracts(Random(1)))
    first = runner.run()
    assert (first.is_new, first.after.version) == (True, 1)
    assert_published_is_built(warehouse)
    [(events,)] = published("select count(*) from events")
    assert events > 20
    assert "the first that are published" in first.as_text()
    assert f"version 1, {events} events" in overview()
    [[people, signed_in]] = published(
        "select sum(mau), sum(mau) filter (where breakdown_value = 'signed_in') from active_users "
        "join publication on activity_date = as_of_date "
        "where source_app = 'all' and breakdown_name = 'user_kind'"
    )
    assert re.search(rf"^all .* {people} +{signed_in} ", overview(), re.MULTILINE)
    assert "Published: version 1, " in read_status().as_text()
    assert "landed since then" not in read_status().as_text()

    again = runner.run()
    assert (again.is_new, again.after.version) == (False, 1)

    # A late file, and a test that fails: readers keep what they have.
    drop(warehouse, world(Random(2), 60))
    broken = project / "tests" / "singular" / "assert_nothing_passes.sql"
    broken.write_text(FAILING, "utf-8")
    with pytest.raises(BuildFailed, match="assert_nothing_passes"):
        runner.run()
    assert current() == first.after
    assert "4 files landed since then, and readers do not have them" in read_status().as_text()
    assert runner.run() is None, "what has failed is not tried again while nothing is new"

    # Mended, but killed again and again: at the first work, in the middle, near the end.
    broken.unlink()
    for seconds in (3, 9, 15):
        run = subprocess.Popen(
            [sys.executable, "-m", "loaders.cli", "run"],
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(seconds)
        was_running = run.poll() is None
        run.kill()
        run.wait()
        with duckdb.connect(str(published_file()), read_only=True) as con:
            [(version,)] = con.execute("select version from publication").fetchall()
        assert version == 1 or not was_running or version == 2

    second = runner.run()
    last = current()
    assert last.version >= 2
    assert_published_is_built(warehouse)
    restated = published("select reason, count(*) from restatements group by reason")
    assert restated, "the second file is of days that were published before"
    assert "unexplained" not in dict(restated), restated
    assert second.after.version == last.version

    # Who goes back stays there, until there is something new.
    rollback()
    withdrawn = runner.run()
    assert withdrawn.is_withdrawn
    assert "rolled back" in withdrawn.as_text()
    assert current().version < last.version

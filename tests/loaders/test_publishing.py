"""Readers get whole, checked versions, one after the other, whatever happens to who writes them."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import stat
import time
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import pytest

from loaders import publishing
from loaders.building import Column
from loaders.ledger import WarehouseBusy
from loaders.publishing import (
    NothingPublished,
    NotPublishable,
    Unreadable,
    publish,
    rollback,
)
from loaders.settings import published_file, published_folder, work_file
from loaders.verifying import problems
from tests.loaders import small_warehouse
from tests.loaders.small_warehouse import (
    BUILT_AT,
    DAYS,
    EVENTS,
    NUMBERS,
    RESTATEMENTS,
    build,
    project,
    read,
)

LATER = f"timestamp '{BUILT_AT + timedelta(hours=1)}'"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path))
    monkeypatch.setenv("SIGHTLINE_WAIT_SECONDS", "10")
    return tmp_path


@pytest.fixture
def work(folder):
    small_warehouse.create()


def day(number: int, dau: int, complete: bool = True, app: str = "studyin") -> str:
    return f"insert into days values (date '2026-05-{number:02}', '{app}', {dau}, {complete});"


def event(key: int, number: int, person: int, load_id: int) -> str:
    return (
        f"insert into events values ({key}, 'studyin', timestamp '2026-05-{number:02} 10:00:00',"
        f" {person}, {load_id}, '{{}}', date '2026-05-{number:02}');"
    )


def through(number: int) -> str:
    return (
        "delete from intermediate.int_data_watermark;"
        f"insert into intermediate.int_data_watermark values (date '2026-05-{number:02}');"
    )


class TestAVersion:
    def test_holds_the_marts_and_nothing_else(self, work):
        build(1, day(1, 5) + event(1, 1, 7, 1) + through(1))
        publication, is_new = publish(project())
        assert is_new
        assert (publication.version, publication.previous_version) == (1, None)
        assert publication.row_counts == {"days": 1, "events": 1, "restatements": 0}
        assert (publication.through_load_id, publication.as_of_date) == (1, date(2026, 5, 1))
        tables = read(
            published_file(), "select schema_name || '.' || table_name from duckdb_tables()"
        )
        assert sorted(name for (name,) in tables) == [
            "main.days",
            "main.events",
            "main.publication",
            "main.published_tables",
            "main.restatements",
        ]
        assert read(published_file(), "select dau from days") == [(5,)]

    def test_nobody_can_write_to_it(self, work):
        build(1)
        publish(project())
        assert stat.S_IMODE(published_file().stat().st_mode) == 0o444

    def test_is_called_warehouse_wherever_the_link_leads(self, work):
        """DuckDB follows the link: `from warehouse.main.days` must mean every version."""
        build(1)
        publish(project())
        assert read(published_file(), "select current_database()") == [("warehouse",)]

    def test_tells_tools_what_its_columns_are(self, work):
        build(1)
        publish(project())
        assert read(
            published_file(),
            "select comment from duckdb_columns() where table_name = 'days' "
            "and column_name = 'dau' union all "
            "select comment from duckdb_tables() where table_name = 'days'",
        ) == [("The dau's.",), ("One row per stat_date.",)]

    def test_can_be_read_by_clients_of_duckdb_1_5(self, work):
        build(1)
        publish(project())
        [(tags,)] = read(published_file(), "select tags from duckdb_databases() where not internal")
        assert "v1.5" in tags["storage_version"]

    def test_is_the_same_while_nothing_is_built(self, work):
        build(1)
        first, _ = publish(project())
        again, is_new = publish(project())
        assert (again, is_new) == (first, False)

    def test_no_number_is_given_twice(self, work):
        """Who removed the versions has readers who saw their numbers."""
        for number in (1, 2):
            build(number)
            publish(project())
        shutil.rmtree(published_folder())
        assert publish(project())[0].version == 3

    def test_the_last_three_stay(self, work):
        for number in range(1, 6):
            build(number)
            publish(project())
        kept = sorted(folder.name for folder in published_folder().iterdir())
        assert kept == ["000003", "000004", "000005"]


class TestWhatIsNotPublished:
    def refused(self, *marts) -> str:
        with pytest.raises(NotPublishable) as caught:
            publish(project(*marts))
        assert not list(published_folder().glob(".*.draft"))
        return str(caught.value)

    def test_nothing_landed(self):
        assert "sightline run" in self.refused()

    def test_nothing_built(self, work):
        assert "nothing has been built yet" in self.refused()

    def test_a_failed_test(self, work):
        build(1, passed=False)
        assert "not all tests have passed" in self.refused()

    def test_a_build_that_was_cut_short(self, work):
        build(1, ended=False)
        assert "cut short" in self.refused()

    def test_a_part_that_was_built_after_the_tests(self, work):
        build(1)
        small_warehouse.change(
            f"insert into build_log values (2, 'part', 'run', true, true, 7, 0, 0, {LATER}, false)"
        )
        assert "not all tests have passed since the last `dbt run`" in self.refused()

    def test_a_part_that_was_tested_since(self, work):
        build(1)
        small_warehouse.change(
            f"insert into build_log values (2, 'part', 'run', true, true, 7, 0, 0, {LATER}, false),"
            f" (3, 'tests', 'test', false, true, 7, 7, 0, {LATER}, false)"
        )
        assert publish(project())[1]

    def test_some_of_the_tests(self, work):
        build(1, passed=False)
        small_warehouse.change(
            "insert into build_log values"
            f" (2, 'tests', 'test', false, true, 7, 3, 0, {LATER}, false)"
        )
        assert "not all tests have passed" in self.refused()

    def test_a_test_that_failed_after_all_had_passed(self, work):
        build(1)
        small_warehouse.change(
            "insert into build_log values"
            f" (2, 'tests', 'test', false, true, 7, 0, 1, {LATER}, false)"
        )
        assert "not all tests have passed" in self.refused()

    def test_a_project_that_has_changed_since(self, work):
        """A seed, say, and then `dbt seed` and `dbt test`: the models know nothing of it."""
        build(1)
        small_warehouse.change(
            f"insert into build_log values (2, 'a', 'seed', true, true, 7, 0, 0, {LATER}, false),"
            f" (3, 'tests', 'test', false, true, 7, 7, 0, {LATER}, false)"
        )
        changed = replace(project(), models_changed_at=BUILT_AT + timedelta(minutes=30))
        with pytest.raises(NotPublishable, match="changed since all models were built"):
            publish(changed)
        small_warehouse.change(
            "update build_log set is_of_all_models = true where build_number = 2"
        )
        assert publish(changed)[1]

    def test_tests_that_have_changed_since(self, work):
        build(1)
        changed = replace(project(), tests_changed_at=BUILT_AT + timedelta(minutes=30))
        with pytest.raises(NotPublishable, match="tests have changed since they were run"):
            publish(changed)
        small_warehouse.change(
            "insert into build_log values"
            f" (2, 'tests', 'test', false, true, 8, 8, 0, {LATER}, false)"
        )
        assert publish(changed)[1]

    def test_files_that_landed_after_the_build(self, work):
        build(1)
        small_warehouse.change("insert into raw.load_ledger values (2, timestamp '2026-06-02')")
        assert "have not seen what was landed last (days, …)" in self.refused()

    def test_a_mart_that_was_never_built(self, work):
        build(1)
        missing = small_warehouse.mart("missing", {"a": "bigint"}, ("a",))
        assert "missing was never built" in self.refused(EVENTS, DAYS, RESTATEMENTS, missing)

    def test_another_type_than_the_contracts(self, work):
        build(1)
        columns = tuple(
            Column(column.name, "integer" if column.name == "dau" else column.type, "")
            for column in DAYS.columns
        )
        other = small_warehouse.mart("days", {c.name: c.type for c in columns}, ("stat_date",))
        assert "days: not the columns of its contract" in self.refused(EVENTS, other, RESTATEMENTS)

    def test_a_key_that_stands_twice(self, work):
        build(1, day(1, 5) + day(1, 6))
        assert "days: 1 keys (stat_date, source_app) stand in several rows" in self.refused()

    def test_a_null_in_a_key(self, work):
        build(1, "insert into days values (date '2026-05-01', null, 1, true)")
        assert "days.source_app: 1 nulls" in self.refused()

    def test_an_address_that_came_through(self, work):
        address = "zelda.fiction@example.invalid"
        build(1, event(1, 1, 7, 1) + f'update events set properties = \'{{"to": "{address}"}}\'')
        said = self.refused()
        assert "events.properties: 1 texts look like an e-mail address" in said
        assert address not in said

    def test_readers_keep_what_they_have(self, work):
        build(1, day(1, 5))
        publish(project())
        build(2, day(1, 6))  # twice the same key
        self.refused()
        assert read(published_file(), "select dau from days") == [(5,)]
        build(3, "delete from days where dau = 5")
        assert publish(project())[0].version == 2
        assert read(published_file(), "select dau from days") == [(6,)]

    def test_a_work_file_that_is_being_written_to(self, work, monkeypatch):
        build(1)
        monkeypatch.setenv("SIGHTLINE_WAIT_SECONDS", "0")
        context = multiprocessing.get_context("spawn")
        ready, done = context.Event(), context.Event()
        writer = context.Process(target=hold_open, args=(str(work_file()), ready, done))
        writer.start()
        ready.wait()
        with pytest.raises(WarehouseBusy, match="being written to"):
            publish(project())
        done.set()
        writer.join()


class TestTheCheckOfACopy:
    """By who did not write it: each thing that can be wrong is found."""

    @pytest.fixture
    def expected(self, folder) -> dict:
        with duckdb.connect(
            str(folder / "warehouse.duckdb"), config={"storage_compatibility_version": "v1.5.0"}
        ) as con:
            con.execute("create table publication (a int); create table published_tables (a int)")
            con.execute("create table days as select 1 as stat_date, 'a' as source_app")
        columns = [("stat_date", "integer"), ("source_app", "varchar")]
        table = {"name": "days", "rows": 1, "columns": columns, "keys": [], "never_null": []}
        return {"storage": "v1.5.0", "tables": [table]}

    def found(self, folder, expected) -> list[str]:
        return problems(str(folder / "warehouse.duckdb"), json.loads(json.dumps(expected)))

    def test_nothing(self, folder, expected):
        assert self.found(folder, expected) == []

    def test_a_row_that_was_lost(self, folder, expected):
        expected["tables"][0]["rows"] = 2
        assert self.found(folder, expected) == ["days: 1 rows, where 2 were copied"]

    def test_a_table_too_many_and_one_too_few(self, folder, expected):
        expected["tables"][0]["name"] = "weeks"
        assert self.found(folder, expected) == [
            "main.weeks is missing",
            "main.days does not belong there",
        ]

    def test_a_storage_that_others_cannot_read(self, folder, expected):
        expected["storage"] = "v1.0.0"
        assert "not v1.0.0" in self.found(folder, expected)[0]

    def test_bytes_that_went_bad(self, folder, expected):
        path = folder / "warehouse.duckdb"
        content = bytearray(path.read_bytes())
        content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
        path.write_bytes(content)
        with pytest.raises(duckdb.Error):
            self.found(folder, expected)


class TestGoingBack:
    def test_and_forward_again(self, work):
        for number in (1, 2, 3):
            build(number, day(number, number))
            publish(project())
        left, now = rollback()
        assert (left, now.version) == (3, 2)
        assert read(published_file(), "select count(*) from days") == [(2,)]
        rollback()
        assert read(published_file(), "select count(*) from days") == [(1,)]
        again, is_new = publish(project())  # by hand: whoever does it means it
        assert (again.version, again.previous_version, is_new) == (4, 1, True)
        assert rollback()[1].version == 1, "never to one that was rolled back"

    def test_not_further_than_what_is_kept(self, work):
        build(1)
        publish(project())
        with pytest.raises(NothingPublished, match="version 1 is the oldest that is kept"):
            rollback()

    def test_from_a_version_that_is_damaged(self, work):
        """Who needs to go back most is who cannot read what there is."""
        for number in (1, 2):
            build(number)
            publish(project())
        damaged = published_file().resolve()
        damaged.chmod(0o644)
        os.truncate(damaged, 20_000)
        build(3)
        with pytest.raises(Unreadable, match=r"cannot be read .*sightline rollback"):
            publish(project())
        left, now = rollback()
        assert (left, now.version) == (2, 1)
        publication, _ = publish(project())
        assert (publication.version, publication.previous_version) == (3, 1)

    def test_not_before_anything_is_published(self):
        with pytest.raises(NothingPublished, match="nothing is published yet"):
            rollback()

    def test_the_same_build_is_known_again(self, work):
        """So that `sightline run` does not publish at once what was just taken away."""
        for number in (1, 2):
            build(number)
            publish(project())
        rollback()
        assert publishing.version_of_last_build().version == 2
        build(3)
        assert publishing.version_of_last_build() is None


class TestRestatements:
    """Each row: which number, from what to what, and why."""

    def rows(self) -> list[tuple]:
        return read(
            published_file(),
            "select number_name, number_date, number_of, value_before, value_after, reason, "
            "late_event_count from restatements where version = (select version from publication) "
            "order by all",
        )

    def first(self, statements: str) -> None:
        build(1, statements)
        publish(project())

    def then(self, statements: str) -> list[tuple]:
        build(2, statements)
        publish(project())
        return self.rows()

    def test_late_events(self, work):
        self.first(day(1, 5) + event(1, 1, 7, 1) + through(1))
        assert self.then("update days set dau = 6;" + event(2, 1, 8, 2)) == [
            ("dau", date(2026, 5, 1), "source_app=studyin", 5, 6, "late_events", 1)
        ]

    def test_events_of_other_days_are_no_reason(self, work):
        self.first(day(1, 5) + day(2, 5) + event(1, 1, 7, 1) + through(2))
        [row] = self.then(
            "update days set dau = 6 where stat_date = '2026-05-01';" + event(2, 2, 8, 2)
        )
        assert row[5:] == ("unexplained", 0)

    def test_somebody_turned_out_to_be_somebody_else(self, work):
        self.first(day(1, 5) + event(1, 1, 7, 1) + through(1))
        [row] = self.then("update days set dau = 4; update events set person_key = 9")
        assert row[3:] == (5, 4, "identity_merge", 0)

    def test_both(self, work):
        self.first(day(1, 5) + event(1, 1, 7, 1) + through(1))
        [row] = self.then(
            "update days set dau = 4; update events set person_key = 9;" + event(2, 1, 8, 2)
        )
        assert row[5:] == ("late_events_and_identity_merge", 1)

    def test_another_definition(self, work):
        self.first(day(1, 5) + event(1, 1, 7, 1) + through(1))
        [row] = self.then(
            "update days set dau = 4;" + event(2, 1, 8, 2) + "update build_progress set "
            "definitions = 'as now' where model_name = 'days'"
        )
        assert row[5:] == ("changed_definition", 1)

    def test_late_events_in_a_work_file_that_was_made_anew(self, work):
        """Its loads have other numbers, so the events themselves say which of them are new."""
        ledger = small_warehouse.mart(
            "load_ledger", {"load_id": "bigint", "finished_at": "timestamp"}, ("load_id",)
        )
        marts = (EVENTS, DAYS, RESTATEMENTS, ledger)
        first = day(1, 5) + day(2, 5) + event(1, 1, 7, 9) + event(2, 2, 7, 9) + through(2)
        build(
            9,
            "insert into build_progress values ('load_ledger', 9, 'as first');"
            "create table load_ledger as from raw.load_ledger;" + first,
        )
        publish(project(*marts))
        build(
            10,
            "delete from load_ledger; insert into load_ledger values (1, timestamp '2026-06-03');"
            "delete from events where event_key = 2; update events set load_id = 1;"
            "update days set dau = 6;" + event(3, 1, 8, 1),
        )
        publish(project(*marts))
        assert [row[1:2] + row[5:] for row in self.rows()] == [
            (date(2026, 5, 1), "late_events", 1),
            (date(2026, 5, 2), "unexplained", 0),
        ]

    def test_a_day_that_was_not_complete_is_finished_and_not_changed(self, work):
        self.first(day(1, 5) + day(2, 1, complete=False) + through(1))
        assert (
            self.then("update days set dau = 8, is_complete = true where dau = 1;" + through(2))
            == []
        )

    def test_a_day_that_had_no_row_and_one_that_has_none_any_more(self, work):
        self.first(day(1, 5) + day(3, 5) + through(3))
        found = self.then("delete from days where stat_date = '2026-05-01';" + day(2, 4))
        assert [row[1:5] for row in found] == [
            (date(2026, 5, 1), "source_app=studyin", 5, None),
            (date(2026, 5, 2), "source_app=studyin", None, 4),
        ]

    def test_a_new_day_is_no_change(self, work):
        self.first(day(1, 5) + through(1))
        assert self.then(day(2, 4) + event(1, 2, 7, 2) + through(2)) == []

    def test_a_number_of_a_column_that_is_not_there(self, work):
        self.first(day(1, 5) + through(1))
        build(2)
        wrong = replace(DAYS, meta={"numbers": NUMBERS | {"values": {"dau": "sum(people)"}}})
        with pytest.raises(NotPublishable, match="people"):
            publish(project(EVENTS, wrong, RESTATEMENTS))

    def test_earlier_ones_stay(self, work):
        self.first(day(1, 5) + through(1))
        self.then("update days set dau = 6")
        build(3, "update days set dau = 7")
        publish(project())
        assert read(
            published_file(), "select version, value_after from restatements order by 1"
        ) == [
            (2, 6),
            (3, 7),
        ]


def hold_open(path: str, ready, done) -> None:
    with duckdb.connect(path):
        ready.set()
        done.wait()


def publish_for_ever(folder: str, seed: int) -> None:
    """Build after build; some fail, some are cut short."""
    os.environ["SIGHTLINE_DATA"] = folder
    chance = random.Random(seed)
    while True:
        number = read(work_file(), "select coalesce(max(load_id), 0) + 1 from raw.load_ledger")[0][
            0
        ]
        rows = (
            f"select date '2026-05-01' + i::integer, 'studyin', {number}, true from range(200) t(i)"
        )
        fate = chance.random()
        build(
            number,
            f"delete from days; insert into days {rows}; delete from events;"
            f"insert into events select i, 'studyin', timestamp '2026-05-01', 1, {number}, '{{}}', "
            f"null from range({number}) t(i)",
            passed=fate > 0.15,
            ended=fate > 0.1,
        )
        with suppress(NotPublishable):  # one that failed or was cut short, as chance would have it
            publish(project())


def poll(folder: str, stop, said) -> None:
    """A reader who opens the link again and again, and trusts nothing."""
    path, last, polls = f"{folder}/warehouse.duckdb", 0, 0
    while not stop.is_set():
        try:
            with duckdb.connect(path, read_only=True) as con:
                [(version, through)] = con.execute(
                    "select version, through_load_id from publication"
                ).fetchall()
                [(least, most, days)] = con.execute(
                    "select min(dau), max(dau), count(*) from days"
                ).fetchall()
                [(events,)] = con.execute("select count(*) from events").fetchall()
        except duckdb.Error as error:
            said.put(f"poll {polls}: {error}")
            return
        if (least, most, days, events) != (through, through, 200, through):
            said.put(f"version {version}: {(least, most, days, events)}, not {through}")
            return
        if version < last:
            said.put(f"back from version {last} to {version}")
            return
        last, polls = version, polls + 1
        time.sleep(0.1)  # the writers need the processor too
    said.put((polls, last))


def test_readers_through_a_hundred_publications(work, folder):
    """Writers are killed at any time; of the builds that they make some fail. No reader ever sees
    an error, a mixture of two versions or an older one than before."""
    context = multiprocessing.get_context("spawn")
    rows = "select date '2026-05-01' + i::integer, 'studyin', 1, true from range(200) t(i)"
    build(1, f"insert into days {rows};" + event(0, 1, 1, 1))
    publish(project())
    stop, said = context.Event(), context.Queue()
    readers = [context.Process(target=poll, args=(str(folder), stop, said)) for _ in range(2)]
    for reader in readers:
        reader.start()
    chance = random.Random(5)
    kills = 0
    while publishing.current().version < 100 and said.empty():
        writer = context.Process(target=publish_for_ever, args=(str(folder), kills))
        writer.start()
        due = publishing.current().version + chance.randint(5, 15)
        while publishing.current().version < due and said.empty():
            time.sleep(chance.uniform(0, 1))
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        kills += 1
    stop.set()
    found = [said.get(timeout=30) for _ in readers]
    for reader in readers:
        reader.join()
    assert all(isinstance(one, tuple) for one in found), found
    assert publishing.current().version >= 100
    assert kills >= 5
    assert min(polls for polls, _ in found) > 100
    assert len(list(published_folder().glob("0*"))) <= publishing.KEPT + 1

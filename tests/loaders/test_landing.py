"""Every line is accounted for, once: counts, duplicates, conflicts, copies, mended files, dumps."""

from __future__ import annotations

import json
import os
import shutil
from itertools import pairwise

import pytest

from loaders.landing import land
from tests.loaders.records import (
    EVENT_STREAMS,
    STREAMS,
    academy,
    gz,
    lines,
    parquet,
    record,
    to_json,
    zstd,
)

STREAM = "academy/tracking_events"
TABLE = "raw.academy__tracking_events"
COUNTS = ("lines", "landed", "duplicates", "quarantined", "blank")


def counts(outcome) -> tuple[int, ...]:
    return tuple(getattr(outcome, name) for name in COUNTS)


@pytest.mark.parametrize("stream", STREAMS)
def test_valid_records_of_every_stream_land(door, stream):
    outcome = door.land_only(f"{stream}/a.ndjson", [record(stream, n) for n in range(3)])
    assert (outcome.status, outcome.reason, counts(outcome)) == ("loaded", None, (3, 3, 0, 0, 0))
    assert [row["line"] for row in door.rows(stream)] == [1, 2, 3]


def test_tables_are_there_before_the_first_record(door):
    door.land()
    tables = {name for (name,) in door.query("select table_name from duckdb_tables()")}
    assert tables >= {stream.replace("/", "__") for stream in STREAMS}


class TestCounting:
    MIXED = lines(
        [academy(1), b"oops", b"", academy(2), academy(1), b"[]", academy(3, id=None), b"  ",
         academy(4, timestamp="never"), {"events": [academy(5), 7, academy(5)]}, b"{"]
    )[:-1]  # fmt: skip

    def test_every_line_is_one_of_four_things(self, door):
        outcome = door.land_only(f"{STREAM}/a", self.MIXED)
        assert counts(outcome) == (13, 3, 2, 6, 2)

    def test_the_counts_are_stored_and_shown(self, door):
        outcome = door.land_only(f"{STREAM}/a", self.MIXED)
        stored = door.query(
            "select line_count, landed_count, duplicate_count, quarantined_count, blank_count, "
            "status, source, stream, file, format, size_bytes, reason from raw.load_ledger"
        )
        known = ("loaded", "academy", "tracking_events", f"{STREAM}/a", "plain", len(self.MIXED))
        assert stored == [(*counts(outcome), *known, None)]
        assert door.query(f"select count(*) from {TABLE}") == [(outcome.landed,)]
        assert door.query("select count(*) from raw.quarantine") == [(outcome.quarantined,)]
        [shown] = door.run_json("status")["files"]
        assert tuple(shown[name] for name in COUNTS) == counts(outcome)

    def test_what_was_put_aside_is_told_without_a_value_of_it(self, door):
        bad = b'{"email":"ada@example.org","n":42'
        door.land_only(f"{STREAM}/a", lines([academy(1), bad]))
        [row] = door.query("select line, item, reason, length, shape, file from raw.quarantine")
        assert row == (
            2,
            1,
            "bad_json",
            len(bad),
            '{"aaaaa":"aaa@aaaaaaa.aaa","a":99',
            f"{STREAM}/a",
        )
        assert b"ada@" not in door.work.read_bytes()
        [(fingerprint,)] = door.query("select hash from raw.quarantine")
        assert len(fingerprint) == 32

    def test_one_wrong_line_is_known_again_by_its_hash(self, door):
        door.drop(f"{STREAM}/a", b"wrong\n")
        door.drop(f"{STREAM}/b", b"\nwrong\n")
        door.land()
        assert len(door.query("select distinct hash from raw.quarantine")) == 1

    def test_an_empty_file_has_its_row_in_the_ledger(self, door):
        assert counts(door.land_only(f"{STREAM}/a", b"")) == (0, 0, 0, 0, 0)
        assert door.query("select status, line_count from raw.load_ledger") == [("loaded", 0)]

    def test_load_ids_are_never_used_twice(self, door):
        for number in range(4):
            content = b"[broken" if number == 2 else lines([academy(number)])
            door.drop(f"{STREAM}/{number}", content)
            door.land()
        ids = [load for (load,) in door.query("select load_id from raw.load_ledger order by 1")]
        assert ids == sorted(set(ids))
        assert len(ids) == 4
        used = door.query(f"select distinct load_id from {TABLE}")
        assert len(used) == 3


class TestDuplicates:
    def test_within_a_file(self, door):
        assert counts(door.land_only(f"{STREAM}/a", [academy(1)] * 3)) == (3, 1, 2, 0, 0)
        assert door.rows(STREAM)[0]["line"] == 1

    def test_within_a_file_over_batches(self, door, monkeypatch):
        monkeypatch.setenv("SIGHTLINE_BATCH_ROWS", "3")
        monkeypatch.setenv("SIGHTLINE_CHUNK_BYTES", "1024")
        sent = [academy(number % 10) for number in range(40)]
        assert counts(door.land_only(f"{STREAM}/a", sent)) == (40, 10, 30, 0, 0)

    def test_across_files_of_one_run_and_of_two(self, door):
        door.drop(f"{STREAM}/a", [academy(1), academy(2)])
        door.drop(f"{STREAM}/b", [academy(2), academy(3)])
        assert [counts(outcome) for outcome in door.land().outcomes] == [
            (2, 2, 0, 0, 0),
            (2, 1, 1, 0, 0),
        ]
        outcome = door.land_only(f"{STREAM}/c", [academy(3), academy(1), academy(4)])
        assert counts(outcome) == (3, 1, 2, 0, 0)

    def test_across_forms(self, door):
        sent = [academy(number) for number in range(5)]
        forms = [lines(sent), gz(lines(sent)), zstd(lines(sent)), to_json(sent), parquet(sent),
                 lines([{"events": sent}]), json.dumps(sent, indent=1).encode()]  # fmt: skip
        for number, form in enumerate(forms):
            outcome = door.land_only(f"{STREAM}/{number}", form)
            assert counts(outcome) == (5, *((0, 5) if number else (5, 0)), 0, 0)

    def test_the_spelling_does_not_make_another_record(self, door):
        one = academy(1)
        backwards = dict(reversed(one.items()))
        spellings = [one, json.dumps(one, indent=None).encode(), json.dumps(backwards).encode(),
                     b" " + json.dumps(one, separators=(" , ", " : ")).encode() + b" "]  # fmt: skip
        assert counts(door.land_only(f"{STREAM}/a", lines(spellings))) == (4, 1, 3, 0, 0)

    def test_when_it_was_received_does_not_make_another_record(self, door):
        door.land_only(f"{STREAM}/2026-03-04/a", [academy(1, createdAt="2026-03-03T00:00:00Z")])
        outcome = door.land_only(f"{STREAM}/2026-03-05/b", [academy(1)])
        assert counts(outcome) == (1, 0, 1, 0, 0)

    @pytest.mark.parametrize("stream", EVENT_STREAMS)
    def test_two_apps_ids_have_nothing_to_do_with_each_other(self, door, stream):
        for other in EVENT_STREAMS:
            sent = record(other, 1)
            name = next((name for name in ("id", "event_id") if name in sent), None)
            changed = [sent | {name: "same"}] if name else [sent]
            assert door.land_only(f"{other}/{stream.replace('/', '-')}", changed).landed == 1

    def test_records_without_an_id_are_known_by_their_content(self, door):
        stream = "interaction_log/interactions"
        one = record(stream, 1)
        outcome = door.land_only(f"{stream}/a", [one, one, one | {"component": "Other"}])
        assert counts(outcome) == (3, 2, 1, 0, 0)
        # What the door drops tells records apart all the same: two words typed are two inputs.
        typed = [record(stream, 2, details={"value": word}) for word in ("one", "two", "two")]
        assert counts(door.land_only(f"{stream}/b", typed)) == (3, 2, 1, 0, 0)


class TestConflicts:
    """One id, two contents: both land, and dbt keeps the first."""

    @pytest.mark.parametrize(
        "change",
        [{"eventType": "PAGE_VIEW"}, {"timestamp": "2026-03-02T09:15:05Z"}, {"courseId": "other"},
         {"userId": "user-999999"}, {"metadata": {"x": 1}}, {"prompt": "Other words"},
         {"timestamp": "2027-03-02T09:15:05Z"}, {"unheard": None}],
    )  # fmt: skip
    def test_both_land(self, door, change):
        one, other = academy(1), academy(1) | change
        assert counts(door.land_only(f"{STREAM}/a", [one, other, one])) == (3, 2, 1, 0, 0)
        assert counts(door.land_only(f"{STREAM}/b", [other, one])) == (2, 0, 2, 0, 0)
        assert len({row["event_key"] for row in door.rows(STREAM)}) == 1


class TestAgain:
    def test_landing_twice_is_landing_once(self, door):
        door.drop(f"{STREAM}/a", [academy(1)])
        assert door.land().totals()["landed"] == 1
        for _ in range(2):
            [outcome] = door.land().outcomes
            assert (outcome.status, counts(outcome)) == ("already_loaded", (0, 0, 0, 0, 0))
        assert door.query("select count(*) from raw.load_ledger") == [(1,)]

    def test_a_renamed_copy_is_known_by_its_hash(self, door):
        path = door.drop(f"{STREAM}/a", [academy(1)])
        door.land()
        path.rename(path.with_name("b"))
        door.drop(f"{STREAM}/2026-03-02/c", path.with_name("b").read_bytes())
        assert {outcome.status for outcome in door.land().outcomes} == {"already_loaded"}

    def test_two_copies_in_one_run(self, door):
        for name in "abc":
            door.drop(f"{STREAM}/{name}", [academy(1)])
        statuses = sorted(outcome.status for outcome in door.land().outcomes)
        assert statuses == ["already_loaded", "already_loaded", "loaded"]

    def test_one_content_in_two_streams_is_two_files(self, door):
        for stream in ("academy/users", "studyin/topics"):
            assert door.land_only(f"{stream}/a", [{"id": "same-id-1"}]).status == "loaded"

    def test_a_file_that_was_changed_is_another_one(self, door):
        path = door.drop(f"{STREAM}/a", [academy(1)])
        door.land()
        path.write_bytes(path.read_bytes() + lines([academy(2)]))
        [outcome] = door.land().outcomes
        assert (outcome.status, counts(outcome)) == ("loaded", (2, 1, 1, 0, 0))

    def test_changed_within_one_tick_of_the_clock_it_is_seen_too(self, door):
        door.drop(f"{STREAM}/a", [academy(1)])
        path = door.landing / STREAM / "a"
        os.utime(path)  # written just now, as a busy writer's file is
        status = path.stat()
        door.land()
        path.write_bytes(lines([academy(2)]))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert door.land().outcomes[0].landed == 1


class TestRejected:
    def test_its_reason_is_kept_and_nothing_of_it_lands(self, door, monkeypatch):
        monkeypatch.setenv("SIGHTLINE_CHUNK_BYTES", "1024")
        monkeypatch.setenv("SIGHTLINE_BATCH_ROWS", "2")  # its rows are written before it fails
        sent = gz(lines([b"oops", *(academy(number) for number in range(200))]))
        door.drop(f"{STREAM}/a", [academy(500)])
        door.drop(f"{STREAM}/b", sent[:-4])
        door.drop(f"{STREAM}/c", [academy(501)])
        outcomes = sorted(door.land().outcomes, key=lambda outcome: outcome.path)
        assert [outcome.status for outcome in outcomes] == ["loaded", "rejected", "loaded"]
        assert outcomes[1].reason.startswith("truncated_gzip: ")
        assert counts(outcomes[1]) == (0, 0, 0, 0, 0)
        assert len(door.rows(STREAM)) == 2
        assert door.quarantine() == []
        [(status, reason)] = door.query(
            f"select status, reason from raw.load_ledger where file = '{STREAM}/b'"
        )
        assert (status, reason) == ("rejected", outcomes[1].reason)

    def test_it_is_remembered_without_another_row(self, door):
        door.drop(f"{STREAM}/a", b"[broken")
        first = door.land().outcomes
        assert door.land().outcomes == first
        assert door.query("select count(*) from raw.load_ledger") == [(1,)]

    def test_a_copy_of_it_is_rejected_too(self, door):
        for name in "ab":
            door.drop(f"{STREAM}/{name}", b"[broken")
        assert [outcome.status for outcome in door.land().outcomes] == ["rejected"] * 2

    def test_mended_under_its_name_it_loads(self, door):
        whole = gz(lines([academy(1)]))
        door.drop(f"{STREAM}/a.gz", whole[:-1])
        assert door.land().outcomes[0].status == "rejected"
        door.drop(f"{STREAM}/a.gz", whole)
        assert door.land().outcomes[0].status == "loaded"
        assert door.run("status").returncode == 0

    def test_with_other_limits_it_is_looked_at_again(self, door, monkeypatch):
        path = door.drop(f"{STREAM}/a", to_json([academy(number) for number in range(50)]))
        with monkeypatch.context() as patch:
            patch.setenv("SIGHTLINE_MAX_DOCUMENT_BYTES", "2000")
            assert door.land(path).outcomes[0].status == "rejected"
        assert door.land(path).outcomes[0].landed == 50

    def test_removed_it_needs_nobodys_attention(self, door):
        path = door.drop(f"{STREAM}/a", b"[broken")
        door.drop(f"{STREAM}/b", [academy(1)])
        door.land()
        assert door.run("status").returncode == 3
        path.unlink()
        door.land()
        assert door.run("status").returncode == 0


class TestDumps:
    """An extract's rows are kept as each dump has them: the newest wins, later."""

    def test_each_dump_is_kept_whole(self, door):
        door.land_only("academy/users/1", [record("academy/users", n) for n in (1, 2)])
        outcome = door.land_only("academy/users/2", [record("academy/users", n) for n in (1, 2, 3)])
        assert counts(outcome) == (3, 3, 0, 0, 0)

    def test_a_row_twice_in_one_dump_is_a_duplicate(self, door, monkeypatch):
        one, newer = (
            record("academy/users", 1),
            record("academy/users", 1, updatedAt="2026-03-03T00:00:00Z"),
        )
        monkeypatch.setenv("SIGHTLINE_BATCH_ROWS", "1")
        monkeypatch.setenv("SIGHTLINE_CHUNK_BYTES", "1024")
        outcome = door.land_only("academy/users/1", lines([one, newer, one]) + b"\n" * 3000)
        assert counts(outcome)[:3] == (3003, 2, 1)

    def test_a_dump_that_says_again_what_an_earlier_one_said_is_the_newest(self, door):
        one, other = (record("academy/example_prompts", 1, isActive=active) for active in (0, 1))
        for day, row in (("01", one), ("08", other), ("15", one)):
            outcome = door.land_only(f"academy/example_prompts/2026-03-{day}/dump", [row])
            assert outcome.status == "loaded"
        copy = door.land_only("academy/example_prompts/2026-03-15/copy", [one])
        assert copy.status == "already_loaded"

    def test_a_dump_in_another_form_is_another_dump(self, door):
        rows = [record("academy/prompts", n) for n in range(3)]
        for number, form in enumerate([lines(rows), to_json(rows), parquet(rows)]):
            assert door.land_only(f"academy/prompts/{number}", form).landed == 3
        kept = door.rows(
            "academy/prompts", without=("load_id", "file", "line", "item", "received_at")
        )
        assert kept[:3] == kept[3:6] == kept[6:]


class TestTheSameRows:
    """However the work is cut, the rows are the same."""

    SENT = lines(
        [b"oops" if n % 37 == 5 else b"" if n % 41 == 7 else academy(n % 300) for n in range(400)]
    )

    def landed(self, door, name: str, **settings: object) -> tuple:
        shutil.rmtree(door.data, ignore_errors=True)
        (door.data / "landing").mkdir(parents=True)
        # Several files, so that batches end within and between them.
        cuts = [0, 100, 101, 300, 400]
        entries = self.SENT.split(b"\n")
        for number, (start, end) in enumerate(pairwise(cuts)):
            door.drop(f"{STREAM}/{number}", b"\n".join(entries[start:end]))
        done = door.run("land", SIGHTLINE_KEY="k" * 32, **settings)
        assert done.returncode == 3, done.stderr
        rows = door.rows(STREAM, without=("received_at", "load_id"))
        ledger = door.query(
            "select file, line_count, landed_count, duplicate_count, quarantined_count, "
            "blank_count from raw.load_ledger order by file"
        )
        aside = door.query("select file, line, item, reason, hash from raw.quarantine order by all")
        return rows, ledger, aside

    def test_whatever_the_sizes_and_the_workers(self, door):
        right = self.landed(door, "right")
        assert len(right[0]) > 250
        for settings in (
            {"SIGHTLINE_CHUNK_BYTES": 1024},
            {"SIGHTLINE_CHUNK_BYTES": 1024, "SIGHTLINE_BATCH_ROWS": 1},
            {"SIGHTLINE_CHUNK_BYTES": 7777, "SIGHTLINE_BATCH_ROWS": 50},
            {"SIGHTLINE_CHUNK_BYTES": 5000, "SIGHTLINE_BATCH_BYTES": 1},
            {"SIGHTLINE_WORKERS": 1},
        ):
            assert self.landed(door, str(settings), **settings) == right, settings


def test_thousands_of_keys_are_no_columns(door):
    wide = academy(1, metadata={f"key_{number}": number for number in range(5_000)})
    door.land_only(f"{STREAM}/a", [wide])
    columns = door.query(
        "select count(*) from duckdb_columns() where table_name like 'academy__t%'"
    )
    assert columns < [(50,)]
    [row] = door.rows(STREAM)
    assert len(json.loads(row["properties"])["metadata"]) == 5_000


def test_a_key_first_seen_late_is_kept(door):
    sent = [academy(number) for number in range(20_500)]
    sent[-1]["metadata"]["seen_late"] = 7
    door.land_only(f"{STREAM}/a", sent)
    assert door.query(
        f"select count(*) from {TABLE} where properties->>'$.metadata.seen_late' = '7'"
    ) == [(1,)]


def test_a_run_that_fails_says_so_and_keeps_what_was_loaded(door, monkeypatch):
    door.drop(f"{STREAM}/a", [academy(1)])
    door.land()
    door.drop(f"{STREAM}/b", [academy(2)])
    with monkeypatch.context() as patch:
        patch.setenv("SIGHTLINE_MEMORY_LIMIT", "1MB")
        report = land()
    assert "not enough memory" in report.failure
    assert door.land().totals()["landed"] == 1
    assert len(door.rows(STREAM)) == 2

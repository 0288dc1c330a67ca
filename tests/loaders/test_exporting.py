"""`sightline export`: what is in the files, what is not, and that they are there whole or not."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import time
from datetime import UTC, date, datetime

import duckdb
import pyarrow.parquet as pq
import pytest

from loaders.exporting import ExportProblem, Wish, export, list_tables
from tests.loaders.publications import publish

ANN, BEN = "00000000-0000-0000-0000-0000000000a1", "00000000-0000-0000-0000-0000000000b2"
PEOPLE = {
    "core/users": (
        f"""select * from (values
            (uuid '{ANN}', timestamp '2026-03-01 23:59:59.5', 'lessons', 9007199254740993::bigint),
            (uuid '{BEN}', timestamp '2026-03-02 00:00:00', null, -5),
            (null, null, '', null)
        ) as users(person_key, first_seen, favorite_features, xp_earned)""",
        {"kind": "people", "date": "first_seen", "keys": ["person_key"]},
    ),
    "learning/answers": (
        f"""select * from (values
            ('{ANN}', date '2026-03-02', 'e-1', json '{{"note": "canary.qx7"}}', 'nan'::double),
            ('{BEN}', date '2026-03-03', 'e-2', json '[1]', 0.1)
        ) as answers(person_id, answered_on, event_id, properties, seconds)""",
        {
            "kind": "people",
            "date": "answered_on",
            "keys": ["person_id", "event_id"],
            "free_text": ["properties"],
        },
    ),
}
COUNTS = {
    "engagement/countries": (
        """select * from (values
            (date '2026-03-02', 'all', 60, 7.5), (date '2026-03-02', 'at', 9, 1.5),
            (date '2026-03-02', 'be', 11, 2.5), (date '2026-03-02', 'ch', 40, 3.5),
            (date '2026-03-03', 'all', 12, 4.5)
        ) as countries(day, country, people, minutes)""",
        {
            "kind": "cells",
            "date": "day",
            "cell": ["day", "country"],
            "parts": [{"of": "country <> 'all'", "whole": {"country": "'all'"}}],
            "people": [{"name": "people", "counts": ["people"], "hides": ["people", "minutes"]}],
        },
    ),
    "learning/topics": ("select 'algebra' as topic", {"kind": "plain"}),
}


@pytest.fixture
def published(door):
    publish(door.data, PEOPLE | COUNTS)
    return door


def rows_of(exported, table: str) -> list[dict]:
    [path] = exported.folder.glob(f"{table}.*")
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return pq.read_table(path).to_pylist()


def entry_of(exported, table: str) -> dict:
    [entry] = [entry for entry in exported.manifest["files"] if entry["table"] == table]
    return entry


@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
def test_an_export_says_of_itself_what_it_is(published, format):
    exported = export(Wish(set_name="all", format=format))
    assert exported.folder == published.data / "exports" / f"000001-all-{format}"
    manifest = json.loads((exported.folder / "manifest.json").read_text("utf-8"))
    assert (manifest["version"], manifest["through_load_id"], manifest["keys"]) == (
        1, 7, "hashed again",
    )  # fmt: skip
    assert manifest["published_at"] == "2026-04-12T08:00:00Z"
    assert {path.name for path in exported.folder.iterdir()} == {
        "manifest.json", *(entry["file"] for entry in manifest["files"]),
    }  # fmt: skip
    for entry in manifest["files"]:
        content = (exported.folder / entry["file"]).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        found = rows_of(exported, entry["table"])
        assert entry["rows"] == len(found)
        assert all(list(row) == [column["name"] for column in entry["columns"]] for row in found)
    assert [entry["table"] for entry in manifest["files"]] == [
        "users",
        "countries",
        "answers",
        "topics",
    ]
    assert entry_of(exported, "answers")["columns_left_out"] == ["properties"]
    assert exported.folder.stat().st_mode & 0o077 == 0


def test_csv_is_for_spreadsheets(published):
    exported = export(Wish(("users",)))
    content = (exported.folder / "users.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfperson_key,first_seen,favorite_features,xp_earned\n")
    told = {tuple(row.values())[1:] for row in rows_of(exported, "users")}
    assert told == {
        ("2026-03-01T23:59:59.500000Z", "lessons", "9007199254740993"),
        ("2026-03-02T00:00:00.000000Z", "", "-5"),
        ("", "", ""),
    }
    assert b',"",' in content  # an empty text is no null
    assert b"Z,,-5" in content


def test_json_and_parquet_keep_types(published):
    wish = Wish(("users", "answers"), format="json", free_text=True)
    exported = export(wish)
    users, answers = (rows_of(exported, name) for name in ("users", "answers"))
    by_points = {row["xp_earned"]: row for row in users}
    assert by_points[9007199254740993]["first_seen"] == "2026-03-01T23:59:59.500000Z"
    assert by_points[-5]["favorite_features"] is None
    assert by_points[None]["favorite_features"] == ""
    assert {row["answered_on"]: (row["properties"], row["seconds"]) for row in answers} == {
        "2026-03-02": ({"note": "canary.qx7"}, None), "2026-03-03": ([1], 0.1),
    }  # fmt: skip
    users = rows_of(export(Wish(("users",), format="parquet")), "users")
    assert {(row["first_seen"], row["xp_earned"]) for row in users} == {
        (datetime(2026, 3, 1, 23, 59, 59, 500000, UTC), 9007199254740993),
        (datetime(2026, 3, 2, tzinfo=UTC), -5),
        (None, None),
    }


TEXTS = [
    ("=1+1", "'=1+1"),
    ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
    ("-2+3", "'-2+3"),
    ("@SUM(1)", "'@SUM(1)"),
    ("\t=1", "'\t=1"),
    ("\r=1", "'\r=1"),
    ('"=1"', '\'"=1"'),
    ("  =1", "'  =1"),
    ("'=1", "''=1"),
    ("\uff1d1", "'\uff1d1"),  # a full-width =
    ("x;=1", "x;'=1"),  # where cells are separated so
    ("x\n=1", "x\n'=1"),
    ("-5", "-5"),
    ("-5.25", "-5.25"),
    ("+49", "+49"),
    ("a=b", "a=b"),
    ("2026-03-02", "2026-03-02"),
    ("PAGE_VIEW /a - b", "PAGE_VIEW /a - b"),
    ("", ""),
    ('a,"b"\nc', 'a,"b"\nc'),
]


def test_no_text_is_a_formula(door):
    texts = ", ".join("('" + text.replace("'", "''") + "', -1)" for text, _ in TEXTS)
    query = f"select * from (values {texts}) as texts(text, number)"
    publish(door.data, {"core/texts": (query, {"kind": "plain"})})
    found = rows_of(export(Wish(("texts",))), "texts")
    assert sorted(row["text"] for row in found) == sorted(written for _, written in TEXTS)
    assert {row["number"] for row in found} == {"-1"}
    found = rows_of(export(Wish(("texts",), format="json")), "texts")  # no program takes one for it
    assert sorted(row["text"] for row in found) == sorted(text for text, _ in TEXTS)


def test_keys_join_within_an_export_and_not_with_another(published):
    first = export(Wish(set_name="all", format="json"))
    second = export(Wish(set_name="all", format="json", out=published.data / "second"))
    keys = []
    for exported in (first, second):
        users = {row["person_key"]: row["xp_earned"] for row in rows_of(exported, "users")}
        answers = [row["person_id"] for row in rows_of(exported, "answers")]
        assert sorted(users[key] for key in answers) == [-5, 9007199254740993]
        assert users[None] is None  # nobody stays nobody
        keys.append({*users, *answers, *(row["event_id"] for row in rows_of(exported, "answers"))})
    assert keys[0] & keys[1] == {None}
    assert not (keys[0] | keys[1]) & {ANN, BEN, "e-1", "e-2"}


def test_lines_of_two_exports_do_not_join(door):
    rows = "select i::varchar as person_key, i as week from range(500) as weeks(i)"
    publish(door.data, {"weeks": (rows, {"kind": "people", "keys": ["person_key"]})})
    orders = [
        [
            row["week"]
            for row in rows_of(export(Wish(("weeks",), out=door.data / str(number))), "weeks")
        ]
        for number in range(2)
    ]
    assert sorted(orders[0]) == sorted(orders[1])
    assert sum(one == other for one, other in zip(*orders, strict=True)) < 50
    kept = export(Wish(("weeks",), keep_keys=True))
    assert [row["week"] for row in rows_of(kept, "weeks")] == [str(number) for number in range(500)]


def test_no_key_and_no_free_text_is_in_an_export(published):
    """Byte for byte, also not as what anybody could hash."""
    exported = export(Wish(set_name="all"))
    content = b"".join(path.read_bytes() for path in exported.folder.iterdir())
    for canary in (ANN, BEN, "e-1", "canary.qx7"):
        assert canary.encode() not in content
        assert hashlib.sha256(canary.encode()).hexdigest()[:32].encode() not in content
    assert entry_of(exported, "users")["columns"][0]["handling"] == "hashed again"


def test_keys_and_free_text_are_kept_on_demand(published):
    exported = export(Wish(("users", "answers"), keep_keys=True, free_text=True))
    assert {row["person_key"] for row in rows_of(exported, "users")} == {ANN, BEN, ""}
    assert {row["event_id"] for row in rows_of(exported, "answers")} == {"e-1", "e-2"}
    assert "canary.qx7" in str(rows_of(exported, "answers"))
    assert (exported.manifest["keys"], exported.manifest["free_text"]) == ("kept", "kept")
    assert any("join with every other" in text for text in exported.manifest["mind"])
    assert any("Free text" in text for text in exported.manifest["mind"])


def test_small_counts_are_left_out_with_enough_beside_them(published):
    exported = export(Wish(("countries",)))
    found = {(row["day"], row["country"]): row for row in rows_of(exported, "countries")}
    assert [place[1] for place in found] == ["all", "ch", "all"]
    assert found["2026-03-02", "ch"]["minutes"] == "3.5"
    assert entry_of(exported, "countries")["suppressed"] == {
        "below_people": 10,
        "rows_left_out": 2,
        "numbers_left_out": 0,
        "rows_of_other_cuts_left_out": 0,
    }


def test_a_number_that_is_hidden_is_told_from_one_that_is_not_there(door):
    query = (
        "select 'a' as app, 50 as people, 5 as new, null as rate union all select 'b', 50, 25, .5"
    )
    declared = {
        "kind": "cells",
        "cell": ["app"],
        "people": [
            {"name": "people", "counts": ["people"], "hides": ["people"]},
            {"name": "new", "counts": ["new"], "hides": ["new", "rate"]},
        ],
    }
    publish(door.data, {"core/apps": (query, declared)})
    assert rows_of(export(Wish(("apps",), format="json")), "apps") == [
        {"app": "a", "people": 50, "new": None, "rate": None, "is_suppressed": True},
        {"app": "b", "people": 50, "new": 25, "rate": 0.5, "is_suppressed": False},
    ]


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        ("2026-03-02", None, ["2026-03-02"]),
        (None, "2026-03-01", ["2026-03-01"]),
        ("2026-03-01", "2026-03-02", ["2026-03-01", "2026-03-02"]),
        ("2026-03-02", "2026-03-02", ["2026-03-02"]),
        ("2026-03-03", None, []),
    ],
)
def test_both_days_are_included(published, first, last, days):
    bounds = [day and date.fromisoformat(day) for day in (first, last)]
    exported = export(Wish(("users",), None, "json", *bounds))
    assert sorted(row["first_seen"][:10] for row in rows_of(exported, "users")) == days
    assert (exported.manifest["from"], exported.manifest["to"]) == tuple(bounds)


def test_a_range_of_days_shows_no_more_than_all(published):
    """Of the second alone nobody could tell that the first was small."""
    exported = export(Wish(("countries",), first=date(2026, 3, 2), last=date(2026, 3, 2)))
    assert [row["country"] for row in rows_of(exported, "countries")] == ["all", "ch"]


def test_what_has_no_date_is_whole_in_a_set_and_refused_alone(published):
    day = date(2026, 3, 3)
    exported = export(Wish(set_name="learning", first=day))
    assert [row["topic"] for row in rows_of(exported, "topics")] == ["algebra"]
    assert entry_of(exported, "topics")["note"] == "no date to go by: exported whole"
    assert len(rows_of(exported, "answers")) == 1
    with pytest.raises(ExportProblem, match="topics: no date to go by"):
        export(Wish(("topics",), first=day))


def test_sets_are_folders_and_what_has_no_single_people(published):
    tables = {
        name: [entry["table"] for entry in export(Wish(set_name=name)).manifest["files"]]
        for name in ("learning", "counts", "all")
    }
    assert tables["learning"] == ["answers", "topics"]
    assert tables["counts"] == ["countries", "topics"]
    assert tables["all"] == ["users", "countries", "answers", "topics"]
    listed = list_tables()
    assert "countries  engagement" in listed
    assert "Sets: all, core, counts, engagement, learning" in listed


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(("user",)), "no published table 'user'. Did you mean users"),
        (Wish(("learning",)), "It is a set: sightline export --set learning"),
        (Wish(("zzz",)), "See: sightline export --list"),
        (Wish(set_name="lerning"), "there are all, core, counts, engagement, learning"),
        (Wish(("users",), first=date(2026, 3, 2), last=date(2026, 3, 1)), "is after --to"),
    ],
)
def test_mistakes_are_told_with_what_to_do(published, wish, said):
    with pytest.raises(ExportProblem, match=said):
        export(wish)
    assert not (published.data / "exports").exists()


def test_nothing_published_tells_what_to_run(door):
    with pytest.raises(ExportProblem, match=r"nothing is published yet. Run: sightline run"):
        export(Wish(("users",)))


def test_a_table_that_declares_nothing_is_not_exported(door):
    publish(door.data, {"core/new": ("select 1 as person", {})})
    with pytest.raises(ExportProblem, match="new: published without a word"):
        export(Wish(("new",)))


def test_an_export_replaces_nothing(published):
    first = export(Wish(("users",)))
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    with pytest.raises(ExportProblem, match="is there already"):
        export(Wish(("users",)))
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before
    empty = published.data / "empty"
    empty.mkdir()
    with pytest.raises(ExportProblem, match="is there already"):
        export(Wish(("users",), out=empty))


def test_what_fails_leaves_nothing(published):
    broken = dict(PEOPLE["core/users"][1], keys=["person_key"], date="first_seen")
    query = "select 'x' as day, 1 as person_key, 'x' as first_seen"
    publish(published.data, PEOPLE | {"core/broken": (query, broken)}, version=2)
    with pytest.raises(ExportProblem, match="could not be exported"):
        export(Wish(set_name="all", first=date(2026, 3, 1)))
    assert list((published.data / "exports").iterdir()) == []


def test_readers_and_publications_are_not_disturbed(published):
    """Neither does one wait for the other, nor is half of an export from another version."""
    with duckdb.connect(str(published.data / "warehouse.duckdb"), read_only=True) as reader:
        seen = []

        def publish_another(*_) -> None:
            if not seen:
                publish(published.data, COUNTS, version=2)
            seen.append(reader.execute("select count(*) from users").fetchone())

        exported = export(Wish(set_name="all"), publish_another)
    assert {*seen} == {(3,)}
    assert exported.manifest["version"] == 1
    assert len(exported.manifest["files"]) == 4


def test_a_killed_export_leaves_nothing_that_looks_like_one(door):
    many = f"select uuid '{ANN}' as person_key, hash(i) as n from range(1_000_000) as t(i)"
    tables = {
        "core/few": ("select 1 as n", {"kind": "plain"}),
        "core/many": (many, {"kind": "people", "keys": ["person_key"]}),
    }
    publish(door.data, tables)
    running = subprocess.Popen(
        door.command("export", "--set", "all"), env=door.environment(), stderr=subprocess.DEVNULL
    )
    exports, until = door.data / "exports", time.monotonic() + 60
    while not list(exports.glob(".draft-*/many.csv")) and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    left = list(exports.rglob("*"))
    assert any(path.name == "many.csv" for path in left)  # it was in the middle
    assert not [path for path in left if path.name == "manifest.json"]
    assert not [path for path in exports.iterdir() if not path.name.startswith(".")]
    export(Wish(("few",)))
    assert [path.name for path in exports.iterdir()] == ["000001-few-csv"]


def test_ctrl_c_ends_it_and_leaves_nothing(published):
    def press(done: float, total: float, files: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(Wish(set_name="all"), press)
    assert list((published.data / "exports").iterdir()) == []
    export(Wish(set_name="all"))

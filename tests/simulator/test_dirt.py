"""Dirt comes at the planted rates, is written down, and only adds, delays and shuffles."""

from collections import Counter, defaultdict
from datetime import date, datetime

import pytest

from tests.simulator.landed_files import event_files, events_of, record_in, records_of

STATED = {"duplicate": 0.010, "unknown_type": 0.002, "missing_field": 0.002, "out_of_order": 0.02}


@pytest.mark.parametrize("kind", STATED)
def test_rates_are_near_the_planted_ones(world, kind):
    planted = world.parameter(f"dirt.{kind}")
    assert planted == STATED[kind]
    rate = world.summary.dirt[kind] / world.summary.event_total
    assert rate == pytest.approx(planted, rel=0.25)


def test_rarer_kinds_occur(world):
    dirt = world.summary.dirt
    for kind in ("late", "skewed", "malformed", "blank", "missing_id", "missing_session_end"):
        assert dirt[kind] > 0
    planted = Counter(world.truth("dirt").column("kind").to_pylist())
    assert planted == {k: n for k, n in dirt.items() if k != "missing_session_end"}


def test_a_clean_world_has_none(clean_world):
    assert not any(clean_world.summary.dirt.values())
    assert not (clean_world.summary.truth / "dirt.parquet").exists()


def test_dirt_rows_point_at_their_lines(world):
    by_file = defaultdict(list)
    for row in world.truth("dirt").to_pylist():
        by_file[row["path"]].append(row)
    checked = Counter()
    for path, rows in by_file.items():
        if not path.endswith(".ndjson") or "part-1" in path:
            continue
        lines = (world.landing / path).read_text().split("\n")
        for row in rows:
            line = lines[row["line"] - 1]
            if row["kind"] == "malformed":
                assert record_in(line) is None
            elif row["kind"] == "blank":
                assert line == ""
            else:
                assert record_in(line).get("event_id") == row["event_id"]
            checked[row["kind"]] += 1
    assert checked["malformed"] > 0
    assert checked["duplicate"] > 0


def test_late_events_are_at_most_twenty_days_late(world):
    late = {
        row["event_id"]
        for row in world.truth("dirt").to_pylist()
        if row["kind"] == "late" and row["event_id"]
    }
    days = Counter()
    for path in event_files(world.landing, "studyin"):
        arrived = date.fromisoformat(path.parent.name)
        for event in records_of(path):
            if event.get("event_id") in late:
                happened = datetime.fromisoformat(event["timestamp"]).date()
                days[(arrived - happened).days] += 1
    assert days
    assert max(days) <= 20
    assert max(days) >= 5
    assert min(days) >= 1


def test_skewed_visits_run_more_than_a_day_ahead(world, clean_world):
    clean = {event["event_id"] for event in events_of(clean_world.landing, "studyin")}
    skewed = {
        row["event_id"]
        for row in world.truth("dirt").to_pylist()
        if row["kind"] == "skewed" and row["event_id"]
    }
    found = 0
    for path in event_files(world.landing, "studyin"):
        arrived = datetime.fromisoformat(path.parent.name)
        for event in records_of(path):
            ahead = datetime.fromisoformat(event["timestamp"]) - arrived
            if event.get("event_id") in skewed:
                found += 1
                assert ahead.days >= 1
            elif event.get("event_id") in clean:
                assert ahead.days < 1
    assert found


def test_duplicates_cross_files(world):
    places = defaultdict(set)
    for path in event_files(world.landing, "academy"):
        for event in records_of(path):
            places[event.get("id")].add(path)
    assert any(len(paths) > 1 for identifier, paths in places.items() if identifier)


def test_the_clean_world_lies_in_the_dirty_one(world, clean_world):
    """Apart from skewed times and missing ends, nothing is lost and nothing is changed."""
    skewed = {row["event_id"] for row in world.truth("dirt").to_pylist() if row["kind"] == "skewed"}
    clean = {e["event_id"]: e for e in events_of(clean_world.landing, "studyin")}
    dirty = {e["event_id"]: e for e in events_of(world.landing, "studyin") if e.get("event_id")}
    lost = clean.keys() - dirty.keys()
    assert {clean[key]["event_type"].lower() for key in lost} == {"session_end"}
    assert all(clean[key] == dirty[key] for key in clean.keys() - lost - skewed)
    added = dirty.keys() - clean.keys()
    planted = {
        row["event_id"]
        for row in world.truth("dirt").to_pylist()
        if row["kind"] in ("unknown_type", "missing_field")
    }
    assert added <= planted

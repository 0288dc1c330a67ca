"""The envelopes, with the traps that real apps have laid in them."""

import hashlib
from collections import Counter, defaultdict

from tests.simulator.landed_files import events_of, records_of


def test_academy_user_is_the_user_or_else_the_anonymous_id(clean_world):
    people = {p["academy_user_id"] for p in clean_world.truth("people").to_pylist()}
    kinds = Counter()
    for event in events_of(clean_world.landing, "academy"):
        assert event.keys() >= {
            "id",
            "eventType",
            "eventCategory",
            "userId",
            "sessionId",
            "metadata",
        }
        assert "timestamp" in event or "createdAt" in event
        about = event["metadata"]
        says = about.get("isAuthenticated")
        if event["userId"] in people:
            kinds["user"] += 1
            assert says in (True, None)
        else:
            assert says is False or event["userId"] == about["anonymousId"]
            kinds["visitor", says] += 1
            kinds["other id"] += event["userId"] != about["anonymousId"]
    assert kinds["user"] > 1000
    assert kinds["visitor", False] > 100
    assert kinds["visitor", None] > 10
    assert kinds["other id"] > 0


def test_academy_stored_rows_have_their_times_elsewhere(clean_world):
    shapes = Counter(
        ("timestamp" in event, "createdAt" in event)
        for event in events_of(clean_world.landing, "academy")
    )
    assert set(shapes) == {(True, False), (True, True), (False, True)}


def test_academy_visitors_log_in_later(clean_world):
    by_device = defaultdict(set)
    for event in events_of(clean_world.landing, "academy"):
        by_device[event["metadata"]["anonymousId"]].add(event["userId"])
    both = [users for device, users in by_device.items() if device in users and len(users) > 1]
    assert len(both) > 30
    assert any(len(users - {device}) > 10 for device, users in by_device.items()), "no kiosk"
    shared = {d["device"] for d in clean_world.truth("devices").to_pylist() if d["is_shared"]}
    assert sum(len(by_device[device]) > 2 for device in shared) > 3


def test_academy_drafts_contain_the_user_id_and_are_overwritten(world):
    versions = defaultdict(set)
    for path in sorted((world.landing / "academy/prompts").rglob("part-*")):
        for row in records_of(path):
            if row["id"].endswith("-temp"):
                assert row["id"] == f"{row['userId']}-temp"
                versions[row["id"]].add(row["version"])
    assert any(len(v) > 1 for v in versions.values())
    drafts = {
        event["metadata"].get("promptId")
        for event in events_of(world.landing, "academy")
        if event["eventType"] == "LLM_EVALUATION"
    }
    assert versions.keys() <= drafts
    for path in (world.landing / "academy/prompt_evaluations").rglob("part-*"):
        for row in records_of(path):
            assert row["promptId"].endswith("-temp")
            assert 1 <= row["evaluationData"]["tonePersona"]["score"] <= 10


def test_both_vocabularies_of_studyin_name_the_same_people(clean_world):
    first, second = set(), set()
    for event in events_of(clean_world.landing, "studyin"):
        if "material_id" in event:
            assert event.keys() >= {"event_id", "timestamp", "user_id", "session_id", "event_type"}
            assert event.keys() >= {"chunk_id", "question_id", "topic_id", "properties"}
            first.add(hashlib.sha256(event["user_id"].encode()).hexdigest())
        else:
            assert len(event["user_id"]) == 64
            second.add(event["user_id"])
        assert "Z" not in event["timestamp"]
        assert event["event_id"]
    assert len(first & second) > 10


def test_broken_streaks_come_from_a_nightly_job(clean_world):
    broken = [
        event
        for event in events_of(clean_world.landing, "studyin")
        if event["event_type"] == "streak_broken"
    ]
    assert len(broken) > 50
    assert all(event["session_id"] is None for event in broken)
    assert all("T00:00:" in event["timestamp"] for event in broken)
    assert all(event["properties"]["new_streak"] == 0 for event in broken)


def test_experience_adds_up(clean_world):
    total = Counter()
    events = sorted(events_of(clean_world.landing, "studyin"), key=lambda e: e["timestamp"])
    earned = [e for e in events if e["event_type"].lower() == "xp_earned"]
    assert len(earned) > 1000
    for event in earned:
        user = event["user_id"]
        if len(user) != 64:
            user = hashlib.sha256(user.encode()).hexdigest()
        total[user] += event["properties"]["xp_amount"]
        assert event["properties"]["new_total_xp"] == total[user]


def test_sketchychain(clean_world):
    for event in events_of(clean_world.landing, "sketchychain"):
        assert event.keys() >= {"event_id", "event_type", "timestamp", "session_id", "user_id"}
        assert ":" in event["event_type"]
        assert event["metadata"]["platform_info"]["device_type"] in {"desktop", "mobile", "tablet"}
        assert "client_timestamp" in event["metadata"]


def test_interaction_log_visitors_are_their_session(clean_world):
    users = Counter()
    for event in events_of(clean_world.landing, "interaction_log"):
        assert set(event) - {"ip_address", "properties"} == {
            "timestamp", "sessionId", "userId", "action", "component", "details", "metadata",
        }  # fmt: skip
        users[event["userId"] is None] += 1
    assert 0.3 < users[True] / users.total() < 0.6


def test_consent_is_a_persons_own(clean_world):
    denied = {
        p["academy_user_id"]
        for p in clean_world.truth("people").to_pylist()
        if p["consent"] == "denied"
    }
    said = defaultdict(set)
    for event in events_of(clean_world.landing, "academy"):
        said[event["userId"]].add(event["metadata"].get("consent"))
    assert denied & said.keys()
    assert all(said[user] == {False} for user in denied & said.keys())


def test_addresses_and_people_are_invented(world):
    ranges = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8::")
    seen = Counter()
    for source in ("academy", "studyin", "interaction_log"):
        for event in events_of(world.landing, source):
            if "ip_address" in event:
                assert event["ip_address"].startswith(ranges)
                seen[source] += 1
            text = event.get("prompt") or event.get("details", {}).get("prompt") or ""
            seen["mail"] += "@example." in text
            seen["phone"] += "202-555-01" in text
    assert min(seen["academy"], seen["studyin"], seen["interaction_log"]) > 100
    assert seen["mail"] > 0
    assert seen["phone"] > 0

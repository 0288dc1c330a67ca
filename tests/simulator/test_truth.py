"""What was planted can be found again in the files, by crude means."""

import hashlib
import math
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from tests.simulator.landed_files import events_of, records_of


@pytest.fixture(scope="module")
def study(clean_world) -> list[dict]:
    events = list(events_of(clean_world.landing, "studyin"))
    for event in events:
        event["at"] = datetime.fromisoformat(event["timestamp"])
    return sorted(events, key=lambda e: e["at"])


@pytest.fixture(scope="module")
def sketches(clean_world) -> list[dict]:
    events = list(events_of(clean_world.landing, "sketchychain"))
    for event in events:
        at = event["timestamp"]
        at = datetime.fromisoformat(at) if isinstance(at, str) else at
        event["at"] = at.replace(tzinfo=None)
    return sorted(events, key=lambda e: e["at"])


def test_true_sessions_follow_from_the_events(clean_world, study):
    """The definition of a session, told once more, event by event."""
    system = {
        "ai_response_received", "ai_message_received", "xp_earned", "level_up", "streak_broken",
        "achievement_unlocked", "achievement_earned", "streak_update", "search_query",
        "api_request", "api_error",
    }  # fmt: skip
    timeout = timedelta(minutes=30)
    found: dict[str, list[list[dict]]] = defaultdict(list)
    for event in study:
        kind = event["event_type"].lower()
        if kind in system or event["session_id"] is None:
            continue
        sessions = found[event["session_id"]]
        if sessions:
            last = sessions[-1][-1]
            gap = event["at"] - last["at"]
            paused = last["event_type"] == "session_pause"
            if kind == "session_end" and gap >= timeout and not paused:
                continue
            if gap <= timeout or paused:
                sessions[-1].append(event)
                continue
        sessions.append([event])
    ours = set()
    for session, parts in found.items():
        for events in parts:
            active = sum(
                min((b["at"] - a["at"]).total_seconds(), 60.0)
                for a, b in pairwise(events)
                if a["event_type"] != "session_pause"
            )
            ours.add((session, events[0]["at"], events[-1]["at"], len(events), round(active, 3)))
    theirs = {
        (
            row["client_session_id"],
            row["started_at"],
            row["ended_at"],
            row["activity_events"],
            round(row["active_seconds"] or 0.0, 3),
        )
        for row in clean_world.truth("sessions").to_pylist()
        if row["source_app"] == "studyin"
    }
    assert ours == theirs


def test_active_days_follow_from_the_sessions(clean_world):
    """A session is on its first day and its last; in between it is only if it takes days."""
    sessions, days = (clean_world.truth(name).to_pylist() for name in ("sessions", "active_days"))
    ends = {
        (row["source_app"], row["person"], row[at])
        for row in sessions
        for at in ("started_at", "ended_at")
    }
    shown = defaultdict(set)
    for app, person, at in ends:
        shown[app, person, at.date()].add(at)
    found = {(row["source_app"], row["person"], row["date"]): row for row in days}
    assert len(found) == len(days)
    assert set(found) == set(shown)
    for day, times in shown.items():
        assert found[day]["first_at"] <= min(times) <= max(times) <= found[day]["last_at"]
    for column in ("source_app", "person"):
        counts = [Counter(), Counter()]
        for rows, counter in zip((sessions, days), counts, strict=True):
            for row in rows:
                counter[row[column]] += row["activity_events"]
        assert counts[0] == counts[1]


def test_answers_are_those_of_the_truth(clean_world, study):
    people = {p["studyin_user_id"]: p["person"] for p in clean_world.truth("people").to_pylist()}
    landed = {
        (people[e["user_id"]], e["question_id"], e["at"], e["properties"]["is_correct"])
        for e in study
        if e["event_type"] in ("question_submit", "question_attempt")
    }
    true = {
        (a["person"], a["question_id"], a["attempted_at"], a["is_correct"])
        for a in clean_world.truth("attempts").to_pylist()
    }
    assert landed == true


def test_chances_are_calibrated_and_learning_shows(clean_world):
    attempts = clean_world.truth("attempts").to_pandas()
    decile = pd.qcut(attempts["chance"], 5)
    for _, part in attempts.groupby(decile, observed=True):
        error = 3 * math.sqrt(0.25 / len(part))
        assert part["is_correct"].mean() == pytest.approx(part["chance"].mean(), abs=error)
    questions = clean_world.truth("questions").to_pandas().set_index("question_id")
    attempts = attempts.join(questions, on="question_id").sort_values("attempted_at")
    attempts["practice"] = attempts.groupby(["person", "topic_id"]).cumcount()
    early, late = attempts[attempts["practice"] < 2], attempts[attempts["practice"] >= 6]
    assert late["is_correct"].mean() > early["is_correct"].mean() + 0.05
    easy = attempts[attempts["difficulty"] < -0.5]["is_correct"].mean()
    assert easy > attempts[attempts["difficulty"] > 0.2]["is_correct"].mean() + 0.1


def test_abilities_grow_with_practice(clean_world):
    abilities = clean_world.truth("abilities").to_pandas().sort_values("day")
    several = abilities.groupby(["person", "topic_id"])["ability"].agg(["first", "last", "size"])
    several = several[several["size"] > 1]
    assert (several["last"] >= several["first"]).mean() > 0.95


def test_prerequisites_have_no_cycles(clean_world):
    topics = clean_world.truth("topics").column("topic_id").to_pylist()
    place = {topic: i for i, topic in enumerate(topics)}
    pairs = clean_world.truth("prerequisites").to_pylist()
    assert pairs
    assert all(place[p["prerequisite_id"]] < place[p["topic_id"]] for p in pairs)


def test_prompt_quality_improves(clean_world):
    scores = defaultdict(list)
    for event in sorted(
        events_of(clean_world.landing, "academy"),
        key=lambda e: e.get("timestamp") or e["createdAt"],
    ):
        if event["eventType"] == "LLM_EVALUATION" and "promptId" in event["metadata"]:
            criteria = event["metadata"]["evaluation"].values()
            scores[event["userId"]].append(np.mean([c["score"] for c in criteria]))
    busy = [s for s in scores.values() if len(s) >= 6]
    assert len(busy) > 5
    assert np.mean([np.mean(s[-3:]) - np.mean(s[:3]) for s in busy]) > 0.4


def test_the_experiment_has_its_lift(clean_world, sketches):
    exposed: dict[str, tuple[str, datetime]] = {}
    outcomes = defaultdict(Counter)
    for event in sketches:
        user = event["user_id"]
        if event["event_type"] == "experiment:expose":
            exposed.setdefault(user, (event["properties"]["variant"], event["at"]))
        elif event["event_type"] in ("prompt:success", "prompt:failure") and user in exposed:
            outcomes[exposed[user][0]][event["event_type"]] += 1
    rate = {arm: c["prompt:success"] / c.total() for arm, c in outcomes.items()}
    noise = 3 * math.sqrt(sum(0.25 / c.total() for c in outcomes.values()))
    lift = clean_world.parameter("experiment_lift")
    assert rate["treatment"] - rate["control"] == pytest.approx(lift, abs=noise)
    arms = clean_world.truth("experiment_arms").to_pylist()
    people = {
        p["person"]: p["sketchychain_user_id"] for p in clean_world.truth("people").to_pylist()
    }
    assert {(people[a["person"]], a["arm"], a["exposed_at"]) for a in arms} == {
        (user, arm, at) for user, (arm, at) in exposed.items()
    }


def test_the_outage_is_silent_but_for_errors(clean_world, study):
    first = datetime.fromisoformat(clean_world.parameter("outage_start"))
    last = datetime.fromisoformat(clean_world.parameter("outage_end"))
    inside = Counter(e["event_type"].lower() for e in study if first <= e["at"] < last)
    before = [e for e in study if first - timedelta(days=1) <= e["at"] < last - timedelta(days=1)]
    assert set(inside) == {"api_error"}
    assert len(before) > 5 * inside.total()


def test_the_spike_is_there(clean_world, sketches):
    start = datetime.fromisoformat(clean_world.parameter("spike_start"))
    days = Counter(e["at"].date() for e in sketches)
    usual = np.median([days[(start + timedelta(days=7 * k)).date()] for k in (-2, -1, 1)])
    assert days[start.date()] > 1.8 * usual


def test_people_come_back_less_and_less(clean_world):
    sessions = clean_world.truth("sessions").to_pandas()
    people = clean_world.truth("people").to_pandas().set_index("person")
    sessions = sessions.join(people[["arrival_date", "churn_date"]], on="person")
    day = (sessions["started_at"].dt.normalize() - pd.to_datetime(sessions["arrival_date"])).dt.days
    assert day.min() >= 0
    stay = (pd.to_datetime(people["churn_date"]) - pd.to_datetime(people["arrival_date"])).dt.days
    assert (day <= sessions["person"].map(stay)).mean() > 0.99
    per_day = sessions.assign(day=day).groupby("day")["person"].nunique()
    assert per_day[0] > 2 * per_day[7]


def test_weekends_and_nights_are_quieter(clean_world):
    sessions = clean_world.truth("sessions").to_pandas()
    per_weekday = sessions.groupby(sessions["started_at"].dt.day_of_week).size()
    assert per_weekday[5] < per_weekday[1]


def test_true_funnels_only_narrow(clean_world):
    funnels = clean_world.truth("funnels").to_pandas()
    for _, steps in funnels.groupby("funnel"):
        counts = steps.sort_values("step")["people"].tolist()
        assert counts == sorted(counts, reverse=True)
        assert counts[-1] > 0


def test_a_true_funnel_follows_from_the_events(clean_world, study):
    """Told once more, event by event: in either vocabulary, and from one to the other."""
    people = {}
    for person in clean_world.truth("people").to_pylist():
        plain = person["studyin_user_id"]
        people[plain] = people[hashlib.sha256(plain.encode()).hexdigest()] = person["person"]
    steps = [
        {"material_open", "material_view"}, {"question_submit", "question_attempt"},
        {"quiz_complete"},
    ]  # fmt: skip
    reached: Counter = Counter()
    for event in study:
        person = people[event["user_id"]]
        level = reached[person]
        if level < len(steps) and event["event_type"].lower() in steps[level]:
            reached[person] += 1
    assert {event["event_type"].lower() for event in study} >= set().union(*steps)
    truth = clean_world.truth("funnels").to_pylist()
    assert [row["people"] for row in truth if row["funnel"] == "study_session"] == [
        sum(level >= step for level in reached.values()) for step in (1, 2, 3)
    ]
    passages = [
        row for row in clean_world.truth("funnel_people").to_pylist()
        if row["funnel"] == "study_session"
    ]  # fmt: skip
    assert Counter(row["person"] for row in passages) == +reached
    times = {(event["at"], people[event["user_id"]]) for event in study}
    assert {(row["reached_at"], row["person"]) for row in passages} <= times


def test_linked_people_are_who_the_truth_says(clean_world):
    people = {p["academy_user_id"]: p for p in clean_world.truth("people").to_pylist()}
    dumps = sorted((clean_world.landing / "academy/user_identity_mappings").rglob("part-*"))
    rows = list(records_of(dumps[-1]))
    assert rows
    for row in rows:
        for app, identifier in row["externalSystemIds"].items():
            assert people[row["userId"]][f"{app}_user_id"] == identifier

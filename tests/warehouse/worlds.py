"""Small random worlds: what the four apps could send, made to collide. All people are invented.

    records = world(random.Random(7))             {"academy/tracking_events": [{…}, …], …}
    loads = arrivals(random.Random(7), records)   the same, cut into loads: shuffled, repeated, late

Few people, few devices and gaps at the boundaries: logins, shared devices, sessions that late
events join, pauses, conflicting ids, broken events and mappings that come and go are all common.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from random import Random

Loads = list[dict[str, list[dict]]]

START = datetime(2026, 3, 2, 22)
# Seconds; 1800 is the session's timeout, 60 the most that a gap counts for, 30 days the lookback.
GAPS = [0, 0, 1, 30, 59, 60, 61, 300, 600, 1500, 1799, 1800, 1801, 2400, 3600, 6 * 3600]
LONG_GAPS = [12 * 3600, 23 * 3600 + 3000, 86_400, 3 * 86_400, 29 * 86_400, 30 * 86_400, 31 * 86_400]
_ACADEMY = [
    *["PAGE_VIEW"] * 5, *["LESSON_START"] * 2, *["LESSON_COMPLETE"] * 2, "MODULE_COMPLETE",
    "QUIZ_COMPLETE", "LLM_PROMPT", "LLM_RESPONSE", "USER_LOGOUT",
]  # fmt: skip
_STUDYIN = [
    *["question_submit"] * 3, "material_open", "material_read", "question_view", "topic_explored",
    "session_start", *["session_end", "session_pause", "session_resume"] * 2, "xp_earned",
    "streak_broken", "material_complete", "quiz_start", "quiz_complete", "ai_question_asked",
    "ai_hint_requested", "ai_explanation_requested", "streak_continued", "level_up",
    "achievement_unlocked",
]  # fmt: skip
_SKETCHYCHAIN = ["session:start", "prompt:submit", "prompt:success", "sketch:view", "session:end"]
_INTERACTIONS = ["click", "navigation", "input", "error", "generation", "state_transition"]


def world(random: Random, size: int = 60, name: str = "w") -> dict[str, list[dict]]:
    """Events of one place and time; another name makes other people."""
    streams: dict[str, list[dict]] = {
        "academy/tracking_events": [],
        "studyin/study_events": [],
        "sketchychain/events": [],
        "interaction_log/interactions": [],
    }
    at = START
    for number in range(size):
        gap = random.choice(GAPS if random.random() < 0.93 else LONG_GAPS)
        at += timedelta(seconds=gap, microseconds=random.choice([0, 0, 0, 1000]))
        make = random.choice([_academy, _academy, _studyin, _studyin, _sketchychain, _interaction])
        stream, record = make(random, name, number, at)
        if random.random() < 0.04:
            _spoil(random, record)
        streams[stream].append(record)
    return streams


def extracts(random: Random, name: str = "w") -> dict[str, list[dict]]:
    """One day's dump: whose device is whose, and who is who in the other apps."""
    profiles = [
        {
            "id": f"{name}-profile-{device}",
            "anonymousId": f"{name}-device-{device}",
            "userId": random.choice([None, f"{name}-user-{random.randint(0, 2)}"]),
            "lastSeen": stamp(START + timedelta(days=random.randint(0, 3))),
        }
        for device in range(2)
    ]
    mappings = [
        {
            "userId": f"{name}-user-{user}",
            "externalSystemIds": {
                app: f"{name}-{app}-user-{random.randint(0, 1)}"
                for app in ("studyin", "sketchychain", "interaction_log")
                if random.random() < 0.4
            },
        }
        for user in range(3)
        if random.random() < 0.7
    ]
    return {
        "academy/anonymous_tracking_profiles": profiles,
        "academy/user_identity_mappings": mappings,
    }


def arrivals(random: Random, records: dict[str, list[dict]], count: int) -> Loads:
    """Every record in some load; some twice, some again with other content, all in any order."""
    loads: Loads = [{} for _ in range(count)]

    def put(load: int, stream: str, record: dict) -> None:
        loads[load].setdefault(stream, []).append(record)

    for stream, entries in records.items():
        for record in entries:
            put(random.randrange(count), stream, record)
            if random.random() < 0.15:
                put(random.randrange(count), stream, record)
            if random.random() < 0.08:
                put(random.randrange(count), stream, _contradict(random, record))
    for load in loads:
        for entries in load.values():
            random.shuffle(entries)
    return loads


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="microseconds") + "Z"


def as_file(records: list[dict]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def _academy(random: Random, name: str, number: int, at: datetime) -> tuple[str, dict]:
    device = f"{name}-device-{random.randint(0, 1)}" if random.random() < 0.85 else None
    user = f"{name}-user-{random.randint(0, 2)}" if random.random() < 0.35 else None
    bag = {
        "isAuthenticated": user is not None,
        "path": f"/{random.randint(0, 3)}",
        "quizId": "quiz-0",
        "score": random.randint(-1, 101),
    }
    if device is not None:
        bag["anonymousId"] = device
        if user is None and random.random() < 0.5:
            user = device  # as the app's server writes it
    record = {
        "id": f"{name}-academy-{number}",
        "timestamp": stamp(at),
        "eventType": random.choice(_ACADEMY),
        "eventCategory": "NAVIGATION",
        "userId": user,
        "courseId": f"course-{random.randint(0, 1)}",
        "moduleId": random.choice([None, "module-0", "module-0", "module-1"]),
        "lessonId": random.choice([None, "lesson-0", "lesson-0", "lesson-1"]),
        "metadata": bag,
        "clientInfo": {},
    }
    if random.random() < 0.5:
        record["sessionId"] = f"{name}-session-{random.randint(0, 2)}"
    if random.random() < 0.08:
        bag["consent"] = False
    return "academy/tracking_events", record


def _studyin(random: Random, name: str, number: int, at: datetime) -> tuple[str, dict]:
    bag = {
        "is_correct": random.random() < 0.5,
        "xp_amount": random.randint(0, 9),
        "new_streak": number % 3,
        "new_total_xp": 5 * number,
        "new_level": number % 4,
        "achievement_id": f"achievement-{number % 2}",
        "timezone": ["Asia/Tokyo", "Atlantis/Poseidonis", "America/Chicago"][number % 3],
        "time_spent_seconds": 30,
        "duration_seconds": random.randint(0, 4000),
        "scroll_depth_percent": random.choice([20, 89.9, 90]),
        "total_time_seconds": 60,
        "quiz_id": f"quiz-{random.randint(0, 1)}",
        "total_questions": random.randint(0, 3),
        "correct_answers": random.randint(0, 3),
    }
    record = {
        "event_id": f"{name}-studyin-{number}",
        "timestamp": at.isoformat(timespec="microseconds"),
        "event_type": random.choice(_STUDYIN),
        "user_id": f"{name}-studyin-user-{random.randint(0, 1)}",
        "session_id": f"{name}-study-{random.randint(0, 1)}" if random.random() < 0.8 else None,
        "question_id": f"question-{random.randint(0, 2)}",
        "material_id": "material-0",
        "chunk_id": "chunk-0",
        "topic_id": random.choice(["topic-0", "topic-0", "topic-1", None]),
        "properties": bag,
    }
    return "studyin/study_events", record


def _sketchychain(random: Random, name: str, number: int, at: datetime) -> tuple[str, dict]:
    record = {
        "event_id": f"{name}-sketchychain-{number}",
        "event_type": random.choice(_SKETCHYCHAIN),
        "timestamp": stamp(at),
        "session_id": f"{name}-sketching-{random.randint(0, 1)}",
        "user_id": f"{name}-sketchychain-user-{random.randint(0, 1)}",
        "sketch_id": "sketch-0",
        "properties": {"prompt_id": "prompt-0", "entry_point": "gallery"},
        "metadata": {"client_timestamp": stamp(at)},
    }
    return "sketchychain/events", record


def _interaction(random: Random, name: str, number: int, at: datetime) -> tuple[str, dict]:
    user = f"{name}-interaction_log-user-{random.randint(0, 1)}" if random.random() < 0.4 else None
    record = {
        "timestamp": stamp(at),
        "sessionId": f"{name}-log-{random.randint(0, 1)}" if random.random() < 0.9 else None,
        "userId": user,
        "action": random.choice(_INTERACTIONS),
        "component": f"Part{number % 3}",
        "details": {"success": True, "fromState": "a", "toState": "b", "error": "broken"},
    }
    return "interaction_log/interactions", record


def _spoil(random: Random, record: dict) -> None:
    """An unknown type, a value that does not fit, nobody to belong to, a clock that is ahead."""
    fault = random.randint(0, 3)
    kind = next(key for key in ("eventType", "event_type", "action") if key in record)
    if fault == 0:
        record[kind] = "no_such_thing"
    elif fault == 1 and "properties" in record:
        record["properties"]["is_correct"] = "perhaps"
    elif fault == 2:
        for key in ("userId", "user_id", "sessionId", "session_id"):
            record.pop(key, None)
        record.get("metadata", {}).pop("anonymousId", None)
    else:
        record["timestamp"] = stamp(START + timedelta(days=80))


def _contradict(random: Random, record: dict) -> dict:
    """The same id with other content."""
    changed = json.loads(json.dumps(record))
    at = START + timedelta(seconds=random.choice(GAPS) * random.randint(1, 20))
    changed["timestamp"] = stamp(at)
    return changed

"""The SQL of the learner model: its worked numbers, and random logs against plain Python."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.conftest import PROJECT, models_alone
from tests.warehouse.mastery_reference import (
    DAY,
    HOUR,
    Answer,
    Learners,
    first_attempts,
    logit,
    predictions,
)

INPUTS = (
    "main.question_attempts", "intermediate.int_topic_reading", "intermediate.int_data_now",
    "staging.stg_studyin__topics",
)  # fmt: skip
MODELS = (
    "intermediate.int_mastery_coefficients", "intermediate.int_question_days",
    "intermediate.int_topic_days", "intermediate.int_attempt_predictions",
    "intermediate.int_mastery_moments", "intermediate.int_topic_difficulties",
    "intermediate.int_learner_skills", "intermediate.int_topic_skills", "main.topic_mastery",
    "intermediate.int_topic_prerequisites", "main.knowledge_gaps",
)  # fmt: skip
with (PROJECT / "seeds" / "mastery_coefficients.csv").open(encoding="utf-8") as seed:
    NUMBERS = {row["name"]: float(row["value"]) for row in csv.DictReader(seed)}
NOON = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp() * 1e6)
TOPICS = ["anatomy", "cells", "genes", "heart", "kidney"]


@pytest.fixture(scope="module")
def sql(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    with models_alone(tmp_path_factory.mktemp("mastery"), INPUTS, MODELS) as con:
        yield con


def key_of(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def put(con: duckdb.DuckDBPyConnection, relation: str, rows: list[dict]) -> None:
    con.execute(f"truncate work.{relation}")
    if rows:
        con.register("filling", pa.Table.from_pylist(rows))
        con.execute(f"insert into work.{relation} by name select * from filling")


def at(time: int) -> datetime:
    return datetime.fromtimestamp(0, UTC).replace(tzinfo=None) + (
        datetime.fromtimestamp(time / 1e6, UTC) - datetime.fromtimestamp(0, UTC)
    )


def fill(con: duckdb.DuckDBPyConnection, answers: list[Answer], now: int, **others) -> None:
    firsts = first_attempts(answers)
    put(
        con,
        "main.question_attempts",
        [
            {
                "attempt_key": answer.key,
                "person_key": answer.person,
                "question_id": answer.question,
                "topic_id": answer.topic,
                "consent_mode": "full" if answer.has_consent else "anonymous",
                "attempted_at": at(answer.time),
                "attempt_date": at(answer.time).date(),
                "is_correct": answer.is_correct,
                "hint_used": answer.hint_used,
                "is_first_attempt": answer.key in firsts,
                "time_to_answer_seconds": answer.seconds,
                "confidence_level": answer.confidence,
            }
            for answer in answers
        ],
    )
    put(con, "intermediate.int_data_now", [{"now_at": at(now)}])
    put(con, "intermediate.int_topic_reading", others.get("reading", []))
    put(con, "staging.stg_studyin__topics", others.get("topics", []))


@contextmanager
def numbers(con: duckdb.DuckDBPyConnection, **changed: float) -> Iterator[None]:
    """Other coefficients for a while."""
    update = "update work.seeds.mastery_coefficients set value = ? where name = ?"
    con.executemany(update, [(value, name) for name, value in changed.items()])
    yield
    con.executemany(update, [(NUMBERS[name], name) for name in changed])


def answers_of(text: str) -> list[Answer]:
    """One person's answers to questions of one topic, an hour apart: "1101"."""
    return [
        Answer(
            key_of(f"{place}"),
            key_of("she"),
            f"question {place}",
            "cells",
            NOON + place * HOUR,
            sign == "1",
        )
        for place, sign in enumerate(text)
    ]


def test_the_difficulty_of_a_question(sql):
    """12 of 30 in the topic and 6 of 8 at the question, where all topics have .60: .48 and .60."""
    answers = [
        Answer(key_of(f"{n}"), key_of(f"learner {n}"), question, topic, NOON, n % 100 < right)
        for n, question, topic, right in [
            *((n, "q", "cells", 6) for n in range(8)),
            *((100 + n, "other", "cells", 6) for n in range(22)),
            *((200 + n, "far", "genes", 46) for n in range(70)),
        ]
    ]
    # 58 of 100, and a prior of .6 + .05: (58 + 50 * .64) / 150 = .60.
    later = Answer(key_of("later"), key_of("she"), "q", "cells", NOON + DAY, True)
    fill(sql, [*answers, later], NOON + 2 * DAY)
    with numbers(sql, success_prior=0.64):
        topic = sql.execute(
            "select success_rate from work.intermediate.int_topic_days"
            " where topic_key = 'cells' and attempt_date = '2026-03-03'"
        ).fetchall()
        question = sql.execute(
            "select difficulty from work.intermediate.int_attempt_predictions"
            " where learner_attempt_number = 1 and attempted_at > '2026-03-03'"
        ).fetchall()
    assert topic == [(pytest.approx(0.48, abs=1e-12),)]
    assert question == [(pytest.approx(0.405, abs=5e-4),)]


def test_what_right_right_wrong_right_says(sql):
    """At an even chance of each: .3333 plainly, .6027 where the latest count most."""
    with numbers(sql, success_prior=0.5):
        fill(sql, answers_of("1101"), NOON + DAY)
        found = sql.execute(
            "select learner_skill_after, learner_recent_skill_after"
            " from work.intermediate.int_attempt_predictions where learner_attempt_number = 4"
        ).fetchall()
    assert found == [(pytest.approx(0.3333, abs=5e-5), pytest.approx(0.6027, abs=5e-5))]


@pytest.fixture(scope="module")
def last_step(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    """topic_mastery over skills that a test puts in."""
    inputs = (
        "intermediate.int_topic_skills", "intermediate.int_topic_reading",
        "intermediate.int_learner_skills", "intermediate.int_topic_difficulties",
        "staging.stg_studyin__topics", "intermediate.int_topic_prerequisites",
    )  # fmt: skip
    models = ("intermediate.int_mastery_coefficients", "main.topic_mastery", "main.knowledge_gaps")
    with models_alone(tmp_path_factory.mktemp("last"), inputs, models) as con:
        yield con


def skills(**known) -> dict:
    return {
        "person_key": key_of("she"),
        "topic_id": "cells",
        "last_attempted_at": at(NOON),
        "attempt_count": 4,
        "correct_count": 2,
        "hinted_correct_count": 0,
        "confidently_wrong_count": 0,
        "lately_wrong_count": 2,
        "evidence": 4.0,
        "score": 0.0,
        "forgetting": 0.0,
        "peak_score": 0.0,
        "never_practised_score": 0.2,
    } | known


@pytest.mark.parametrize(
    ("mastery", "evidence", "low", "high", "level"),
    [
        (0.80, 12, 0.553, 0.928, "proficient"),
        (0.87, 40, 0.691, 0.952, "mastered"),
        (0.50, 0, 0.249, 0.751, "insufficient"),
        (0.87, 12, 0.631, 0.963, "proficient"),
        (0.50, 3, 0.257, 0.743, "developing"),
    ],
)
def test_the_interval_and_the_level(last_step, mastery, evidence, low, high, level):
    put(
        last_step,
        "intermediate.int_topic_skills",
        [skills(score=logit(mastery), evidence=float(evidence))],
    )
    found = last_step.execute(
        "select mastery_low, mastery_high, mastery_level from work.main.topic_mastery"
    ).fetchall()
    assert found == [(pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3), level)]


@pytest.mark.parametrize(
    ("score", "floor", "days"),
    [
        (1.9, 0.2, 33.1),
        (1.5, 0.2, 1.1),
        (2.2, 0.6, 180),
        (0.9, 0.6, 0),
        (1.2, 1.15, 180),
        (90.0, 0.2, 180),
    ],
)
def test_when_a_review_is_due(last_step, score, floor, days):
    put(
        last_step,
        "intermediate.int_topic_skills",
        [skills(score=score, never_practised_score=floor)],
    )
    with numbers(last_step, forgetting=0.12):
        found = last_step.execute(
            "select review_due_days, review_due_date from work.main.topic_mastery"
        ).fetchall()
    assert found[0][0] == pytest.approx(days, abs=0.05)
    assert found[0][1] == at(NOON + int(found[0][0] * DAY)).date()


def test_how_severe_a_gap_is_and_how_urgent(last_step):
    """Mastery .45 of .75, importance .8, three topics blocked where the most blocked is six."""
    put(
        last_step,
        "intermediate.int_topic_skills",
        [skills(score=logit(0.45), never_practised_score=-1.0)],
    )
    topics = ["cells", "genes", *"abcdefghi"]
    put(
        last_step,
        "staging.stg_studyin__topics",
        [{"topic_id": topic, "importance": 0.8} for topic in topics],
    )
    put(
        last_step,
        "intermediate.int_topic_difficulties",
        [{"moment": "now", "topic_key": topic, "difficulty": 9.0} for topic in topics],
    )
    put(
        last_step,
        "intermediate.int_topic_prerequisites",
        [
            {"topic_id": topic, "prerequisite_id": first, "is_stated": True, "is_circular": False,
             "is_known": True}
            for first, blocked in (("cells", "abc"), ("genes", "defghi"))
            for topic in blocked
        ],
    )  # fmt: skip
    found = last_step.execute(
        "select gap_type, severity, priority, is_root_gap, blocked_topic_count"
        " from work.main.knowledge_gaps where topic_id = 'cells'"
    ).fetchall()
    assert found == [("weak", pytest.approx(0.4), pytest.approx(0.4), True, 3)]
    for relation in ("intermediate.int_topic_difficulties", "staging.stg_studyin__topics",
                     "intermediate.int_topic_prerequisites"):  # fmt: skip
        put(last_step, relation, [])


def test_gaps_are_in_topics_of_the_reference_and_in_what_was_answered(last_step):
    """No reference knows cells, which she answered, nor typo, which he read; of genes it errs."""
    put(last_step, "intermediate.int_topic_skills", [skills(attempt_count=1, evidence=1.0)])
    put(
        last_step,
        "intermediate.int_topic_reading",
        [{"person_key": key_of("he"), "topic_id": "typo", "exposure_seconds": 60,
          "materials_completed": 0}],
    )  # fmt: skip
    put(last_step, "staging.stg_studyin__topics", [{"topic_id": "genes", "importance": -3.0}])
    put(
        last_step,
        "intermediate.int_topic_difficulties",
        [{"moment": "now", "topic_key": topic, "difficulty": -1.0}
         for topic in ("cells", "genes", "typo")],
    )  # fmt: skip
    found = last_step.execute(
        "select person_key::varchar, topic_id, gap_type, importance, reason"
        " from work.main.knowledge_gaps order by topic_id, gap_type"
    ).fetchall()
    least = last_step.execute("select min(priority) from work.main.knowledge_gaps").fetchone()[0]
    for relation in ("intermediate.int_topic_difficulties", "staging.stg_studyin__topics",
                     "intermediate.int_topic_reading"):  # fmt: skip
        put(last_step, relation, [])
    nothing = "Nothing read, nothing answered"
    assert sorted(found) == sorted([
        (key_of("she"), "cells", "insufficient_evidence", 0.5, "Only 1 answer, too few to judge"),
        (key_of("he"), "genes", "not_covered", 0.0, nothing),
        (key_of("she"), "genes", "not_covered", 0.0, nothing),
        (key_of("he"), "typo", "covered_untested", 0.5, "Read for 1 min, nothing answered"),
    ])  # fmt: skip
    assert least == 0


@pytest.mark.parametrize(("seconds", "is_rapid"), [(3.2, True), (4.1, False), (None, False)])
def test_a_rapid_guess(sql, seconds, is_rapid):
    """Median 40 s of 31 right answers the day before."""
    answers = [
        Answer(
            key_of(f"{n}"), key_of(f"learner {n}"), "q", "cells", NOON + n, True, seconds=25.0 + n
        )
        for n in range(31)
    ]
    guess = Answer(key_of("guess"), key_of("she"), "q", "cells", NOON + DAY, False, seconds=seconds)
    for known in (31, 29):
        fill(sql, [*answers[:known], guess], NOON + DAY)
        found = sql.execute(
            "select is_rapid_guess from work.intermediate.int_attempt_predictions"
            " where attempt_key = ?",
            [guess.key],
        ).fetchall()
        assert found == [(is_rapid and known == 31,)]


GAPS = [0, 0, 1, 60_000_000, HOUR, DAY - 1, DAY, DAY + 1, 7 * DAY, 14 * DAY, 40 * DAY]


def random_answers(random: Random) -> list[Answer]:
    """Some who answer once, some often, one of them hundreds of times; ties and repeats."""
    answers = []
    for number in range(random.randint(1, 9)):
        time = NOON - random.choice([0, 5, 60]) * DAY
        count = random.choice([1, 2, 3, 9, 30, 150 if number == 0 else 5])
        knows, topics = random.random(), TOPICS[: random.randint(1, 5)]
        for place in range(count):
            time += random.choice(GAPS[:4] if count > 30 else GAPS)
            question = random.randint(0, 7)
            answers.append(
                Answer(
                    key=key_of(f"{random.random()} {number} {place}"),
                    person=key_of(f"learner {number}"),
                    question=f"question {question}",
                    # Mostly that of the question; now and then another, or none.
                    topic=random.choice(
                        [*[topics[question % len(topics)]] * 8, random.choice(topics), None]
                    ),
                    time=time,
                    is_correct=random.random() < knows,
                    hint_used=random.random() < 0.15,
                    seconds=random.choice([None, 0.5, 3.0, 7.5, 9.99, 40.0, 80.0]),
                    confidence=random.choice([None, 1, 3, 4, 5]),
                    has_consent=number % 5 != 4,
                )
            )
    return answers


random_logs = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@random_logs
@given(seed=st.integers(0, 2**32 - 1))
def test_predictions_are_those_of_the_reference(sql, seed):
    answers = random_answers(Random(seed))
    fill(sql, answers, NOON)
    with numbers(sql, rapid_least_answers=3):
        found = {
            row[0]: row[1:]
            for row in sql.execute(
                "select attempt_key::varchar, predicted_rate, learner_skill, learner_recent_skill,"
                " topic_skill, topic_recent_skill, forgetting, weight, learner_skill_after,"
                " learner_recent_skill_after, topic_skill_after, topic_recent_skill_after,"
                " topic_evidence_after from work.intermediate.int_attempt_predictions"
            ).fetchall()
        }
    expected = predictions(answers, NUMBERS | {"rapid_least_answers": 3})
    assert len(found) == len(expected)
    for p in expected:
        assert found[p.answer.key] == pytest.approx(
            (
                p.chance, p.learner.plain, p.learner.recent, p.topic.plain, p.topic.recent,
                p.forgetting, p.weight, p.learner_after.plain, p.learner_after.recent,
                p.topic_after.plain, p.topic_after.recent, p.evidence_after,
            ),
            abs=1e-12,
            rel=0,
        )  # fmt: skip


@random_logs
@given(seed=st.integers(0, 2**32 - 1))
def test_mastery_and_gaps_are_those_of_the_reference(sql, seed):
    random = Random(seed)
    answers = random_answers(random)
    now = random.choice([max(answer.time for answer in answers), NOON, NOON + 15 * DAY])
    people = sorted({answer.person for answer in answers if answer.has_consent})
    read = {(person, topic) for person in people for topic in TOPICS if random.random() < 0.3}
    reading = [
        {"person_key": person, "topic_id": topic, "exposure_seconds": random.choice([0, 90]),
         "materials_opened": 1, "materials_completed": 0, "last_read_at": at(NOON)}
        for person, topic in sorted(read)
    ]  # fmt: skip
    needs = {
        topic: sorted({random.choice([*TOPICS, "unheard of"]) for _ in range(random.randint(0, 2))})
        for topic in TOPICS
    }
    importance = {topic: random.choice([None, 0.2, 0.9]) for topic in TOPICS}
    topics = [
        {"topic_id": topic, "importance": importance[topic],
         "prerequisites": '["' + '", "'.join(needs[topic]) + '"]' if needs[topic] else None}
        for topic in TOPICS
    ]  # fmt: skip
    fill(sql, answers, now, reading=reading, topics=topics)
    learners = Learners(answers, now, NUMBERS)
    _check_mastery(sql, learners, people, read)
    people = [person for person in people if learners.latest(now, person)
              or any((person, topic) in read for topic in TOPICS)]  # fmt: skip
    _check_gaps(sql, learners, people, read, needs, importance)


def _check_mastery(sql, learners: Learners, people: list[str], read: set) -> None:
    found = {
        row[:2]: row[2:]
        for row in sql.execute(
            "select person_key::varchar, topic_id, mastery_score, mastery_low, mastery_high,"
            " mastery_level, evidence, review_due_days, trend, learning_velocity,"
            " questions_attempted from work.main.topic_mastery"
        ).fetchall()
    }
    for person in people:
        for topic in TOPICS:
            mastery, row = learners.mastery(person, topic), found.pop((person, topic), None)
            if mastery is None:
                assert (row is not None) == ((person, topic) in read)
                assert row is None or (row[:4], row[5:8]) == ((None,) * 4, (None,) * 3)
                continue
            expected = (
                mastery.score, mastery.low, mastery.high, mastery.level, mastery.evidence,
                mastery.due_days, mastery.trend, mastery.velocity, len(mastery.answers),
            )  # fmt: skip
            for here, there in zip(row, expected, strict=True):
                close = isinstance(there, float)
                assert here == (pytest.approx(there, abs=1e-9, rel=1e-9) if close else there)
    assert found == {}


def _check_gaps(sql, learners: Learners, people, read, needs, importance) -> None:
    prerequisites = _closure(needs)
    blocked = {
        topic: sum(topic in prerequisites[other] for other in TOPICS) for topic in TOPICS
    }  # fmt: skip
    found = {
        row[:2]: row[2:]
        for row in sql.execute(
            "select person_key::varchar, topic_id, gap_type, severity, priority, is_root_gap,"
            " blocked_topic_count from work.main.knowledge_gaps"
        ).fetchall()
    }
    for person in people:
        gaps = {
            topic: learners.gap(person, topic, (person, topic) in read) for topic in TOPICS
        }  # fmt: skip
        for topic in TOPICS:
            row = found.pop((person, topic), None)
            if gaps[topic] is None:
                assert row is None
                continue
            kind, severity = gaps[topic]
            weight = (
                NUMBERS["default_importance"] if importance[topic] is None else importance[topic]
            )
            urgent = severity * weight
            urgent *= 1 + NUMBERS["blocking_bonus"] * blocked[topic] / max(1, *blocked.values())
            urgent *= NUMBERS["insufficient_weight"] if kind == "insufficient_evidence" else 1
            is_root = not any(gaps[first] for first in prerequisites[topic])
            assert row == (
                kind, pytest.approx(severity, abs=1e-9), pytest.approx(urgent, abs=1e-9), is_root,
                blocked[topic],
            )  # fmt: skip
    assert found == {}


def _closure(needs: dict[str, list[str]]) -> dict[str, set[str]]:
    """All that must come before, without what lies in a ring with the topic."""

    def before(topic: str) -> set[str]:
        seen, waiting = set(), list(needs[topic])
        while waiting:
            first = waiting.pop()
            if first not in seen:
                seen.add(first)
                waiting.extend(needs.get(first, []))
        return seen

    reached = {topic: before(topic) for topic in TOPICS}
    return {
        topic: {first for first in reached[topic] if first in needs and topic not in reached[first]}
        for topic in TOPICS
    }


def test_the_same_bits_in_any_order_on_any_number_of_threads(sql):
    answers = [answer for seed in range(12) for answer in random_answers(Random(seed))]
    hashes = set()
    for turn in range(4):
        Random(turn).shuffle(answers)
        fill(sql, answers, NOON)
        sql.execute(f"set threads = {1 + turn}")
        for relation in ("intermediate.int_attempt_predictions", "main.topic_mastery"):
            [row] = sql.execute(
                f"select bit_xor(hash(found)) from work.{relation} as found"
            ).fetchall()
            hashes.add((relation, *row))
    sql.execute("reset threads")
    assert len(hashes) == 2

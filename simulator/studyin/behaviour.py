"""What people do in StudyIn, visit by visit, and how the server reacts."""

import numpy as np
import pyarrow as pa

from simulator.feeds import STUDY_EVENTS, STUDY_EVENTS_SECOND, AppBlock, EventRows
from simulator.parameters import DAY_MS, HOUR_MS, MINUTE_MS, STUDYIN, Plan
from simulator.people import People
from simulator.seeding import Purpose, generator
from simulator.studyin import learning
from simulator.studyin.gamification import XP_MATERIAL, XP_QUESTION, Streaks, gamify, running_points
from simulator.studyin.kinds import (
    AI_ANSWERED,
    AI_ASKED,
    API_ERROR,
    API_REQUEST,
    BOOKMARK,
    EXPLANATION,
    EXPLORE,
    FEEDBACK_NEGATIVE,
    FEEDBACK_POSITIVE,
    FEEDBACK_RATED,
    HIGHLIGHT,
    HINT,
    MATERIAL_COMPLETE,
    MATERIAL_OPEN,
    MATERIAL_READ,
    NOTE,
    QUESTION_ATTEMPT,
    QUESTION_SUBMIT,
    QUESTION_VIEW,
    QUIZ_COMPLETE,
    QUIZ_START,
    SEARCH,
    SESSION_END,
    SESSION_PAUSE,
    SESSION_RESUME,
    SESSION_START,
    SHORT_BOOKMARK,
    SHORT_NOTE,
    STREAK_CONTINUED,
    STREAK_UPDATE,
    SYSTEM_KINDS,
    XP,
)
from simulator.studyin.records import StudyRecords, renderer, required_fields
from simulator.studyin.units import Habits, Questions, Reading, Study
from simulator.timeline import Rows, Script, expand, last_seen
from simulator.visits import Visits, draw_visits
from simulator.world import MATERIALS_PER_TOPIC, QUESTIONS_PER_TOPIC, World

ROOM_MS = 40 * MINUTE_MS


def simulate_studyin(plan: Plan, world: World, people: People, block: int) -> AppBlock:
    rng = generator(plan.seed, Purpose.STUDYIN, block)
    b = plan.behaviour
    visits = draw_visits(rng, plan, people, STUDYIN)
    n = len(visits)
    if n == 0:
        return AppBlock([])
    habits = Habits(
        learning.base_abilities(rng, b, people.n, world.topics),
        rng.random(people.n) < b.gives_confidence_share,
        rng.normal(b.overconfidence_mean, b.overconfidence_spread, people.n),
    )
    uses_second = rng.random(people.n) < b.second_vocabulary_people_share
    second = uses_second[visits.person] & (rng.random(n) < b.second_vocabulary_visit_share)
    topic = _topics_of_visits(rng, world, people, visits)
    reading, questions, script = _write_script(rng, plan, world, visits, topic, second)
    idle = np.where(rng.random(n) < b.idle_gap_probability, rng.integers(31, 120, n) * MINUTE_MS, 0)
    rows, _ = script.play(visits.start, visits.person, ROOM_MS, idle)
    rows = _outage(rng, plan, rows)
    rows = rows.where(rows.time < plan.horizon_ms)

    attempts, rows = _answer(rng, plan, world, visits, habits, questions, rows)
    rows = _only_first_check_in(rows, visits)
    streaks = Streaks(plan, visits, rows)
    rows = gamify(plan, visits, attempts, streaks, rows)
    points = running_points(visits, rows)
    night_visits = streaks.broken_person
    # Nightly jobs belong to no visit of the person; each gets an entry of its own, without session.
    person = np.concatenate([visits.person, night_visits])
    second = np.concatenate([second, np.zeros(len(night_visits), dtype=bool)])
    topic = np.concatenate([topic, np.zeros(len(night_visits), dtype=np.int64)])

    study = Study(
        plan,
        world,
        people,
        person,
        n,
        second,
        topic,
        reading,
        questions,
        attempts,
        habits,
        streaks,
        points,
        rows,
    )
    records = StudyRecords(rng, study)
    of_second = second[rows.visit]
    events = []
    for feed, chosen in ((STUDY_EVENTS, ~of_second), (STUDY_EVENTS_SECOND, of_second)):
        part = rows.where(chosen)
        if len(part) == 0:
            continue
        events.append(
            EventRows(
                feed=feed,
                rows=part,
                is_activity=~(
                    np.isin(part.kind, SYSTEM_KINDS)
                    | ((part.kind == SEARCH) & (feed is STUDY_EVENTS_SECOND))
                ),
                is_pause=part.kind == SESSION_PAUSE,
                is_end=part.kind == SESSION_END,
                client_session=records.session_id,
                session_of_visit=np.where(np.arange(len(person)) < n, np.arange(len(person)), -1),
                person_of_visit=person,
                render=renderer(records, chosen, feed is STUDY_EVENTS_SECOND),
                required_fields=required_fields,
            )
        )
    return AppBlock(events, [], _truth(plan, world, people, habits, attempts))


def _topics_of_visits(
    rng: np.random.Generator, world: World, people: People, visits: Visits
) -> np.ndarray:
    """People walk through the topics in order, and now and then go back to an earlier one."""
    n = len(visits)
    reached = visits.rank // 3 + rng.integers(0, 3, people.n)[visits.person]
    back = rng.random(n) < 0.25
    topic = np.where(back, (rng.random(n) * (reached + 1)).astype(np.int64), reached)
    return topic % world.topics


def _write_script(
    rng: np.random.Generator,
    plan: Plan,
    world: World,
    visits: Visits,
    topic: np.ndarray,
    second: np.ndarray,
) -> tuple[Reading, Questions, Script]:
    b = plan.behaviour
    n = len(visits)
    every = np.arange(n)
    script = Script()

    def some(probability: float, among: np.ndarray | None = None) -> np.ndarray:
        chosen = rng.random(n) < probability
        return np.flatnonzero(chosen if among is None else chosen & among)

    def wait(mean: float, least: float, k: int) -> np.ndarray:
        return rng.exponential(mean, k) + least

    first = ~second
    script.add(SESSION_START, every, 0.0, 0.0)
    script.add(STREAK_CONTINUED, np.flatnonzero(first), 1.0, wait(2, 1, int(first.sum())))
    script.add(STREAK_UPDATE, np.flatnonzero(second), 1.0, 0.3)
    for kind, probability, order, pause in (
        (SEARCH, 0.22, 2.0, 15),
        (EXPLORE, 0.22, 3.0, 20),
        (API_REQUEST, 0.45, 4.0, 1),
        (API_REQUEST, 0.30, 150.0, 1),
    ):
        who = some(probability, first if kind == EXPLORE else None)
        script.add(kind, who, order, wait(pause, 0.1, len(who)))

    # Reading: a heartbeat every 30 seconds on the first client, a bare view on the second.
    visit, place = expand(np.minimum(rng.poisson(0.8, n), 3))
    opening_visit, m = visit, len(visit)
    material = topic[visit] * MATERIALS_PER_TOPIC + rng.integers(0, MATERIALS_PER_TOPIC, m)
    order = 10.0 + place * 10
    unit = np.arange(m)
    script.add(MATERIAL_OPEN, visit, order, wait(15, 3, m), unit)
    beats = np.where(second[visit], 0, np.minimum(1 + rng.poisson(4.0, m), 9))
    opening, beat = expand(beats)
    k = len(opening)
    script.add(
        MATERIAL_READ,
        visit[opening],
        order[opening] + 1 + beat * 0.1,
        30 + rng.normal(0, 0.2, k),
        np.arange(k),
    )
    for kind, probability in (
        (HIGHLIGHT, 0.15),
        (NOTE, 0.05),
        (SHORT_NOTE, 0.03),
        (BOOKMARK, 0.04),
        (SHORT_BOOKMARK, 0.02),
    ):
        at = np.flatnonzero((rng.random(m) < probability) & (beats > 0))
        place_in = order[at] + 1 + 0.1 * (rng.random(len(at)) * beats[at]).astype(int) + 0.05
        script.add(kind, visit[at], place_in, wait(4, 1, len(at)), unit[at])
    done = np.flatnonzero(rng.random(m) < np.where(second[visit], 0.3, beats / 12))
    script.add(MATERIAL_COMPLETE, visit[done], order[done] + 5, wait(3, 1, len(done)), unit[done])
    script.add(XP, visit[done], order[done] + 5.1, 0.2, np.full(len(done), XP_MATERIAL))

    # Pauses: nothing happens between a pause and its resume.
    who = some(b.session_pause_probability, first)
    script.add(SESSION_PAUSE, who, 50.0, wait(20, 2, len(who)))
    script.add(SESSION_RESUME, who, 50.1, rng.lognormal(6.2, 0.9, len(who)) + 30)

    # Practice: a set of questions, sometimes as a quiz.
    practises = (rng.random(n) < 0.65) & first
    count = np.where(practises, 2 + rng.poisson(3.0, n), 0)
    question_visit, place = expand(count)
    q = len(question_visit)
    elsewhere = rng.random(q) < 0.15
    of_topic = np.where(
        elsewhere,
        (rng.random(q) * (topic[question_visit] + 1)).astype(np.int64),
        topic[question_visit],
    )
    question = of_topic * QUESTIONS_PER_TOPIC + rng.integers(0, QUESTIONS_PER_TOPIC, q)
    rapid = rng.random(q) < b.rapid_guess_share
    hint = (rng.random(q) < b.hint_share) & ~rapid
    seconds = np.round(np.where(rapid, rng.uniform(1, 3, q), rng.lognormal(3.4, 0.5, q)), 1)
    quiz = practises & (rng.random(n) < 0.4)
    order = 100.0 + place
    unit = np.arange(q)
    script.add(QUIZ_START, np.flatnonzero(quiz), 99.0, wait(10, 2, int(quiz.sum())))
    script.add(QUESTION_VIEW, question_visit, order, wait(3, 0.5, q), unit)
    at = np.flatnonzero(hint)
    script.add(HINT, question_visit[at], order[at] + 0.1, seconds[at] / 2, unit[at])
    # Two spellings of one event: newer builds of the client say question_attempt.
    spelled = rng.random(n) < 0.15
    for kind, chosen in ((QUESTION_SUBMIT, ~spelled), (QUESTION_ATTEMPT, spelled)):
        at = np.flatnonzero(chosen[question_visit])
        pause = np.where(hint[at], seconds[at] / 2, seconds[at])
        script.add(kind, question_visit[at], order[at] + 0.2, pause, unit[at])
    script.add(XP, question_visit, order + 0.3, 0.15, np.full(q, XP_QUESTION))
    at = np.flatnonzero(rng.random(q) < 0.10)
    script.add(EXPLANATION, question_visit[at], order[at] + 0.4, wait(8, 1, len(at)), unit[at])
    script.add(QUIZ_COMPLETE, np.flatnonzero(quiz), 140.0, wait(3, 1, int(quiz.sum())))

    # The coach.
    visit, turn = expand(np.where(rng.random(n) < 0.28, 1 + rng.poisson(0.8, n), 0))
    k = len(visit)
    order = 200.0 + turn
    script.add(AI_ASKED, visit, order, wait(30, 5, k), turn)
    script.add(AI_ANSWERED, visit, order + 0.1, rng.lognormal(0.9, 0.5, k), turn)
    rated = rng.random(k) < 0.25
    good = rng.random(k) < 0.72
    for kind, chosen in (
        (FEEDBACK_POSITIVE, rated & good & first[visit]),
        (FEEDBACK_NEGATIVE, rated & ~good & first[visit]),
        (FEEDBACK_RATED, rated & second[visit]),
    ):
        at = np.flatnonzero(chosen)
        script.add(kind, visit[at], order[at] + 0.2, wait(10, 2, len(at)), turn[at])

    # Ends: most are clicks; some are sent after half an hour of nothing.
    idles = rng.random(n) < 0.15
    pause = np.where(idles, 1800.0, rng.exponential(15, n) + 1)
    script.add(SESSION_END, every, 1000.0, pause)
    return (
        Reading(opening_visit, material, opening, beat),
        Questions(question_visit, question, seconds, hint, rapid, quiz),
        script,
    )


def _outage(rng: np.random.Generator, plan: Plan, rows: Rows) -> Rows:
    """The planted outage: nothing but failing requests, and more of those around it."""
    failing = rows.kind == API_REQUEST
    chance = np.full(len(rows), plan.behaviour.api_error_probability)
    keep = np.ones(len(rows), dtype=bool)
    if plan.has_incidents:
        first, last = plan.outage_ms
        near = (rows.time >= first - HOUR_MS) & (rows.time < last + HOUR_MS)
        chance[near] = plan.behaviour.outage_error_probability
        inside = (rows.time >= first) & (rows.time < last)
        chance[inside] = 1.0
        keep = ~inside | failing
    kind = np.where(failing & (rng.random(len(rows)) < chance), API_ERROR, rows.kind)
    return Rows(kind.astype(np.int16), rows.visit, rows.ref, rows.time).where(keep)


def _answer(
    rng: np.random.Generator,
    plan: Plan,
    world: World,
    visits: Visits,
    habits: Habits,
    questions: Questions,
    rows: Rows,
) -> tuple[learning.Attempts, Rows]:
    """Outcomes of all answers, and the rows without the points of wrong ones.

    `attempts` is in the order of (person, time); `attempt_of_question` (set on it) leads there.
    """
    at = rows.of(QUESTION_SUBMIT, QUESTION_ATTEMPT)
    person = visits.person[rows.visit[at]]
    order = np.lexsort((rows.time[at], person))
    at, person = at[order], person[order]
    unit = rows.ref[at]
    attempts = learning.answer(
        rng,
        plan.behaviour,
        world,
        habits.base,
        person,
        questions.question[unit],
        rows.time[at],
        questions.hint[unit],
        questions.rapid[unit],
    )
    of_question = np.full(len(questions.visit), -1)
    of_question[unit] = np.arange(len(unit))
    attempts.of_question = of_question
    # The points of a question come right after its answer in the script.
    points = np.flatnonzero((rows.kind == XP) & (rows.ref == XP_QUESTION))
    answered = np.isin(rows.kind, (QUESTION_SUBMIT, QUESTION_ATTEMPT))
    source = last_seen(answered, rows.visit)[points]
    earned = source >= 0
    right = np.zeros(len(points), dtype=bool)
    right[earned] = attempts.is_correct[of_question[rows.ref[source[earned]]]]
    # Points whose answer fell into the outage, or twice after one answer, do not exist.
    right[1:] &= source[1:] != source[:-1]
    keep = np.ones(len(rows), dtype=bool)
    keep[points[~right]] = False
    return attempts, rows.where(keep)


def _only_first_check_in(rows: Rows, visits: Visits) -> Rows:
    """The check-in counts once a day: drop those of later visits on the same day."""
    at = rows.of(STREAK_CONTINUED)
    person, day = visits.person[rows.visit[at]], rows.time[at] // DAY_MS
    order = np.lexsort((rows.time[at], day, person))
    again = np.r_[
        False, (person[order][1:] == person[order][:-1]) & (day[order][1:] == day[order][:-1])
    ]
    keep = np.ones(len(rows), dtype=bool)
    keep[at[order[again[: len(order)]]]] = False
    return rows.where(keep)


def _truth(
    plan: Plan, world: World, people: People, habits: Habits, attempts: learning.Attempts
) -> dict[str, pa.Table]:
    member = np.flatnonzero(people.member[:, STUDYIN])
    person = np.repeat(member, world.topics)
    topic = np.tile(np.arange(world.topics), len(member))
    last = learning.ability_by_day(attempts)
    return {
        "learners": pa.table(
            {
                "person": people.number[member],
                "gives_confidence": habits.gives_confidence[member],
                "overconfidence": np.round(habits.overconfidence[member], 6),
            }
        ),
        "topic_abilities": pa.table(
            {
                "person": people.number[person],
                "topic_id": world.topic_id.take(pa.array(topic)),
                "base_ability": np.round(habits.base[person, topic], 6),
            }
        ),
        "abilities": pa.table(
            {
                "person": people.number[attempts.person[last]],
                "topic_id": world.topic_id.take(pa.array(attempts.topic[last])),
                "day": pa.array(
                    (attempts.time[last] // DAY_MS + plan.start_ms // DAY_MS).astype(np.int32)
                ).cast(pa.date32()),
                "ability": np.round(attempts.ability_after[last], 6),
            }
        ),
        "attempts": pa.table(
            {
                "person": people.number[attempts.person],
                "question_id": world.question_id.take(pa.array(attempts.question)),
                "attempted_at": pa.array(attempts.time + plan.start_ms).cast(pa.timestamp("ms")),
                "has_hint": attempts.hint,
                "is_rapid_guess": attempts.rapid,
                "chance": np.round(attempts.chance, 6),
                "is_correct": attempts.is_correct,
            }
        ),
    }

"""What people do in the academy, visit by visit."""

from itertools import pairwise

import numpy as np
import pyarrow as pa

from simulator.academy.extracts import academy_extracts
from simulator.academy.kinds import (
    EXAMPLE_PROMPT_USE,
    LESSON_COMPLETE,
    LESSON_START,
    LLM_EVALUATION,
    LLM_PROMPT,
    LLM_RESPONSE,
    MODULE_COMPLETE,
    PAGE_VIEW,
    PROFICIENCY_MEASURE,
    PROMPT_FAVORITE,
    PROMPT_SAVE,
    QUIZ_COMPLETE,
    SKILL_ASSESS,
    SYSTEM_KINDS,
    USER_LOGIN,
    USER_LOGOUT,
)
from simulator.academy.logins import Logins, log_in, login_truth, signed_in_rows
from simulator.academy.records import PATHS, AcademyRecords, required_fields
from simulator.academy.units import Academy, Evaluations, LessonUnits, PromptUnits
from simulator.feeds import ACADEMY_EVENTS, AppBlock, EventRows
from simulator.lines import uuids
from simulator.parameters import ACADEMY, MINUTE_MS, Plan
from simulator.people import People
from simulator.seeding import Purpose, generator
from simulator.timeline import Rows, Script, expand, last_seen, rank_within
from simulator.visits import Visits, draw_visits
from simulator.world import CRITERIA, EXAMPLE_PROMPTS, LESSON_COUNT, LESSONS, MODULES, World

ROOM_MS = 40 * MINUTE_MS


def simulate_academy(plan: Plan, world: World, people: People, block: int) -> AppBlock:
    rng = generator(plan.seed, Purpose.ACADEMY, block)
    visits = draw_visits(rng, plan, people, ACADEMY)
    n = len(visits)
    if n == 0:
        return AppBlock([])
    logins = log_in(rng, plan, people, visits)
    lessons, prompts, script = _write_script(rng, plan, people, visits, logins)
    idle = np.where(
        rng.random(n) < plan.behaviour.idle_gap_probability,
        rng.integers(31, 120, n) * MINUTE_MS,
        0,
    )
    rows, _ = script.play(visits.start, people.household[visits.person], ROOM_MS, idle)
    rows = _complete_modules(rows, lessons)
    signed_in = signed_in_rows(rows, logins)
    # Only people with an account can keep a prompt.
    keep = signed_in | ~np.isin(rows.kind, (PROMPT_SAVE, PROMPT_FAVORITE))
    keep &= rows.time < plan.horizon_ms
    rows, signed_in = rows.where(keep), signed_in[keep]
    if len(rows) == 0:
        return AppBlock([])
    session = uuids(rng, n)
    person = visits.person[rows.visit]
    lesson = _lesson_context(rows, lessons)
    evaluations = _evaluate(rng, plan, people, rows, person, prompts)
    academy = Academy(
        plan,
        world,
        people,
        visits,
        logins,
        rows,
        person,
        signed_in,
        session,
        lesson,
        prompts,
        evaluations,
    )
    records = AcademyRecords(rng, academy)
    is_system = np.isin(rows.kind, SYSTEM_KINDS)
    events = EventRows(
        feed=ACADEMY_EVENTS,
        rows=rows,
        is_activity=~is_system,
        is_pause=np.zeros(len(rows), dtype=bool),
        is_end=np.zeros(len(rows), dtype=bool),
        client_session=session,
        session_of_visit=np.arange(n),
        person_of_visit=visits.person,
        render=records.render,
        required_fields=required_fields,
        is_server_timed=records.is_server_timed,
    )
    extracts = academy_extracts(rng, academy, records)
    uses = rows.of(EXAMPLE_PROMPT_USE)
    example_uses = np.zeros((EXAMPLE_PROMPTS, len(plan.dump_days())), dtype=np.int64)
    np.add.at(example_uses, (prompts.example[rows.ref[uses]], plan.dump_of(rows.time[uses])), 1)
    return AppBlock(
        [events],
        extracts,
        {
            "logins": login_truth(plan, people, logins, visits, rows),
            "prompt_quality": _quality_truth(academy),
        },
        example_uses,
    )


def _write_script(
    rng: np.random.Generator, plan: Plan, people: People, visits: Visits, logins: Logins
) -> tuple[LessonUnits, PromptUnits, Script]:
    b = plan.behaviour
    n = len(visits)
    every = np.arange(n)
    script = Script()
    script.add(PAGE_VIEW, every, 0.0, 0.0, np.zeros(n))
    who = np.flatnonzero(logins.logs_in)
    script.add(USER_LOGIN, who, logins.login_order[who], rng.exponential(15, len(who)) + 3)
    who = np.flatnonzero(logins.logs_out)
    script.add(USER_LOGOUT, who, 1000.0, rng.exponential(20, len(who)) + 2)
    visit, _ = expand(rng.poisson(3.0, n))
    page = rng.integers(1, len(PATHS), len(visit))
    script.add(
        PAGE_VIEW, visit, rng.uniform(1, 99, len(visit)), rng.exponential(35, len(visit)) + 2, page
    )

    # Lessons: at most two a visit, one in each half of it.
    count = rng.choice(3, n, p=[0.35, 0.45, 0.20])
    visit, place = expand(count)
    m = len(visit)
    lesson, completed = _progress(rng, plan, people, visits.person[visit])
    order = place * 50 + rng.uniform(1, 20, m)
    unit = np.arange(m)
    script.add(LESSON_START, visit, order, rng.exponential(20, m) + 2, unit)
    quiz = np.flatnonzero(rng.random(m) < 0.30)
    script.add(
        QUIZ_COMPLETE,
        visit[quiz],
        order[quiz] + 25,
        rng.exponential(150, len(quiz)) + 30,
        unit[quiz],
    )
    done = np.flatnonzero(completed)
    script.add(
        LESSON_COMPLETE,
        visit[done],
        order[done] + 26,
        rng.exponential(240, len(done)) + 60,
        unit[done],
    )
    skill = done[rng.random(len(done)) < 0.20]
    script.add(
        SKILL_ASSESS,
        visit[skill],
        order[skill] + 26.5,
        rng.exponential(60, len(skill)) + 10,
        unit[skill],
    )
    level = done[rng.random(len(done)) < 0.10]
    script.add(PROFICIENCY_MEASURE, visit[level], order[level] + 26.6, 1.0, unit[level])

    # Prompts: a person who prompts in a visit tries a few.
    prompting = rng.random(n) < b.prompt_session_probability
    count = np.where(prompting, 1 + rng.poisson(1.4, n), 0)
    prompt_visit, _ = expand(count)
    p = len(prompt_visit)
    order = rng.uniform(1, 99, p)
    unit = np.arange(p)
    example = (
        rng.integers(0, EXAMPLE_PROMPTS, p) * rng.integers(0, EXAMPLE_PROMPTS, p) // EXAMPLE_PROMPTS
    )
    uses = np.flatnonzero(rng.random(p) < b.example_use_probability)
    script.add(
        EXAMPLE_PROMPT_USE,
        prompt_visit[uses],
        order[uses],
        rng.exponential(20, len(uses)) + 2,
        unit[uses],
    )
    script.add(LLM_PROMPT, prompt_visit, order + 0.001, rng.exponential(45, p) + 5, unit)
    response = np.rint(rng.lognormal(7.6, 0.5, p)).astype(np.int64)
    script.add(LLM_RESPONSE, prompt_visit, order + 0.002, response / 1000, unit)
    for kind, probability, place, pause in (
        (LLM_EVALUATION, b.evaluation_probability, 0.003, 12),
        (PROMPT_SAVE, b.prompt_save_probability, 0.004, 15),
        (PROMPT_FAVORITE, b.prompt_favorite_probability, 0.005, 5),
    ):
        some = np.flatnonzero(rng.random(p) < probability)
        script.add(
            kind,
            prompt_visit[some],
            order[some] + place,
            rng.exponential(pause, len(some)) + 1,
            unit[some],
        )
    text = (rng.random(p) ** 2 * 240).astype(np.int64)
    return (
        LessonUnits(visit, lesson, completed),
        PromptUnits(prompt_visit, text, example, response),
        script,
    )


def _progress(
    rng: np.random.Generator, plan: Plan, people: People, person: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which lesson each sitting is about, and whether it was finished.

    A lesson that was not finished is the next one again, so people pile up before the hard one.
    """
    b = plan.behaviour
    lesson = np.zeros(len(person), dtype=np.int64)
    completed = np.zeros(len(person), dtype=bool)
    u = rng.random(len(person))
    reached = np.zeros(people.n, dtype=np.int64)
    rank = rank_within(person)
    by_rank = np.argsort(rank, kind="stable")
    bounds = np.searchsorted(rank[by_rank], np.arange(rank.max(initial=-1) + 2))
    for first, last in pairwise(bounds):
        sitting = by_rank[first:last]
        who = person[sitting]
        now = reached[who] % LESSON_COUNT
        hard = now % (MODULES * LESSONS) == b.hard_lesson
        chance = np.where(hard, b.hard_lesson_complete_probability, b.lesson_complete_probability)
        lesson[sitting] = now
        completed[sitting] = u[sitting] < chance
        reached[who] += completed[sitting]
    return lesson, completed


def _complete_modules(rows: Rows, lessons: LessonUnits) -> Rows:
    """A module is complete a moment after its last lesson."""
    at = rows.of(LESSON_COMPLETE)
    lesson = lessons.lesson[rows.ref[at]]
    last = at[lesson % LESSONS == LESSONS - 1]
    return rows.plus(MODULE_COMPLETE, rows.visit[last], rows.ref[last], rows.time[last] + 40)


def _lesson_context(rows: Rows, lessons: LessonUnits) -> np.ndarray:
    """The lesson in which a row happened: the latest one started in the visit, -1 if none."""
    latest = last_seen(rows.kind == LESSON_START, rows.visit)
    context = np.where(latest >= 0, rows.ref[latest], -1)
    own = np.isin(
        rows.kind,
        (
            LESSON_START,
            LESSON_COMPLETE,
            MODULE_COMPLETE,
            QUIZ_COMPLETE,
            SKILL_ASSESS,
            PROFICIENCY_MEASURE,
        ),
    )
    context = np.where(own, rows.ref, context)
    if len(lessons.lesson) == 0:
        return context
    return np.where(context >= 0, lessons.lesson[context], -1)


def _evaluate(
    rng: np.random.Generator,
    plan: Plan,
    people: People,
    rows: Rows,
    person: np.ndarray,
    prompts: PromptUnits,
) -> Evaluations:
    """Score prompts by their hidden quality, which grows with each one that a person writes."""
    b = plan.behaviour
    start = b.prompt_quality_start + rng.normal(0, b.prompt_quality_spread, people.n)
    written = rows.of(LLM_PROMPT)
    by_person = np.lexsort((rows.time[written], person[written]))
    before = np.zeros(len(prompts.visit), dtype=np.int64)
    before[rows.ref[written[by_person]]] = rank_within(person[written[by_person]])
    at = rows.of(LLM_EVALUATION)
    practice = before[rows.ref[at]]
    gain = b.prompt_quality_gain * (1 - np.exp(-practice / b.prompt_quality_rate))
    quality = start[person[at]] + gain
    offsets = np.linspace(-0.6, 0.6, len(CRITERIA))
    noise = rng.normal(0, 0.8, (len(at), len(CRITERIA)))
    scores = np.clip(np.rint(quality[:, None] + offsets + noise), 1, 10).astype(np.int64)
    return Evaluations(at, quality, scores)


def _quality_truth(academy: Academy) -> pa.Table:
    at = academy.evaluations.row
    return pa.table(
        {
            "person": academy.people.number[academy.person[at]],
            "evaluated_at": pa.array(academy.rows.time[at] + academy.plan.start_ms).cast(
                pa.timestamp("ms")
            ),
            "quality": np.round(academy.evaluations.quality, 6),
        }
    )

"""What people do in SketchyChain, visit by visit."""

import numpy as np
import pyarrow as pa

from simulator.feeds import SKETCH_EVENTS, AppBlock, EventRows
from simulator.lines import pick, uuids
from simulator.parameters import DAY_MS, MINUTE_MS, SKETCHYCHAIN, Plan
from simulator.people import People
from simulator.seeding import Purpose, generator
from simulator.sketchychain.extracts import sketch_extract
from simulator.sketchychain.kinds import (
    API_REQUEST,
    CANVAS,
    CLIENT_ERROR,
    CODE,
    CREATE,
    EXECUTE,
    EXPOSE,
    FAILURE,
    HISTORY,
    IDENTIFY,
    INTERACT,
    JOIN,
    LEAVE,
    MODERATED,
    MODIFY,
    MODIFY_PROMPT,
    PERFORMANCE,
    RATE_LIMITED,
    RESOURCE,
    SESSION_END,
    SESSION_START,
    SETTINGS,
    SUBMIT,
    SUCCESS,
    SYSTEM_KINDS,
    TOOL,
    VIEW,
    VIOLATION,
)
from simulator.sketchychain.records import ARMS, SketchRecords, required_fields
from simulator.sketchychain.units import Prompts, Studio
from simulator.timeline import Rows, Script, expand, last_seen, rank_within
from simulator.visits import Visits, draw_visits
from simulator.world import World

ROOM_MS = 40 * MINUTE_MS


def simulate_sketchychain(plan: Plan, world: World, people: People, block: int) -> AppBlock:
    rng = generator(plan.seed, Purpose.SKETCHYCHAIN, block)
    b = plan.behaviour
    visits = draw_visits(rng, plan, people, SKETCHYCHAIN)
    n = len(visits)
    if n == 0:
        return AppBlock([])
    arm = rng.integers(0, 2, people.n)
    creates = (visits.rank == 0) | (rng.random(n) < 0.35)
    sketch, joins = _sketches_of_visits(rng, plan, visits, creates)
    exposed_visit = _first_exposures(plan, people, visits)
    prompts, script = _write_script(rng, plan, visits, creates, joins, exposed_visit)
    idle = np.where(rng.random(n) < b.idle_gap_probability, rng.integers(31, 120, n) * MINUTE_MS, 0)
    rows, _ = script.play(visits.start, visits.person, ROOM_MS, idle)
    rows = rows.where(rows.time < plan.horizon_ms)
    if len(rows) == 0:
        return AppBlock([])

    # Success: each person's own knack, plus the lift for those who have seen the new panel.
    person = visits.person[rows.visit]
    knack = np.clip(rng.normal(b.experiment_baseline_success, 0.10, people.n), 0.2, 0.85)
    exposure = np.full(people.n, np.iinfo(np.int64).max)
    shown = rows.of(EXPOSE)
    np.minimum.at(exposure, person[shown], rows.time[shown])
    lifted = (arm[person] == 1) & (rows.time >= exposure[person])
    chance = knack[person] + b.experiment_lift * lifted
    answered = rows.kind == SUCCESS
    failed = answered & (rng.random(len(rows)) >= chance)
    rows = Rows(
        np.where(failed, FAILURE, rows.kind).astype(np.int16), rows.visit, rows.ref, rows.time
    )

    session = uuids(rng, n)
    studio = Studio(plan, world, people, visits, rows, session, sketch, arm, prompts)
    records = SketchRecords(rng, studio)
    events = EventRows(
        feed=SKETCH_EVENTS,
        rows=rows,
        is_activity=~np.isin(rows.kind, SYSTEM_KINDS),
        is_pause=np.zeros(len(rows), dtype=bool),
        is_end=rows.kind == SESSION_END,
        client_session=session,
        session_of_visit=np.arange(n),
        person_of_visit=visits.person,
        render=records.render,
        required_fields=required_fields,
    )
    reached = np.flatnonzero(exposure < np.iinfo(np.int64).max)
    arms = pa.table(
        {
            "person": people.number[reached],
            "experiment_id": [b.experiment_id] * len(reached),
            "arm": pick(pa.array(ARMS), arm[reached]),
            "exposed_at": pa.array(exposure[reached] + plan.start_ms).cast(pa.timestamp("ms")),
            "success_before": np.round(knack[reached], 6),
            "success_after": np.round(knack[reached] + b.experiment_lift * arm[reached], 6),
        }
    )
    extract = sketch_extract(studio, records)
    return AppBlock([events], [extract], {"experiment_arms": arms})


def _sketches_of_visits(
    rng: np.random.Generator, plan: Plan, visits: Visits, creates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which sketch each visit is about, and whether it joins somebody else's.

    Sketches are numbered in the order in which the block's people create them, person by person.
    """
    n = len(visits)
    own = np.cumsum(creates) - 1
    latest = last_seen(creates, visits.person)
    sketch = own[latest]
    wants = (rng.random(n) < plan.behaviour.collaboration_probability) & ~creates
    # Somebody else's sketch that exists by then: any one created at least an hour before.
    made = np.flatnonzero(creates)
    made_at = visits.start[made] + 60 * MINUTE_MS
    by_time = np.argsort(made_at, kind="stable")
    existing = np.searchsorted(made_at[by_time], visits.start)
    drawn = (rng.random(n) * existing).astype(np.int64)
    theirs = by_time[np.minimum(drawn, len(by_time) - 1)]
    joins = wants & (existing > 0) & (visits.person[made[theirs]] != visits.person)
    return np.where(joins, theirs, sketch), joins


def _first_exposures(plan: Plan, people: People, visits: Visits) -> np.ndarray:
    """Each person's first visit since the experiment began."""
    since = np.flatnonzero(visits.start >= plan.experiment_day * DAY_MS)
    return since[rank_within(visits.person[since]) == 0]


def _write_script(
    rng: np.random.Generator,
    plan: Plan,
    visits: Visits,
    creates: np.ndarray,
    joins: np.ndarray,
    exposed_visit: np.ndarray,
) -> tuple[Prompts, Script]:
    n = len(visits)
    every = np.arange(n)
    script = Script()

    def wait(mean: float, least: float, k: int) -> np.ndarray:
        return rng.exponential(mean, k) + least

    script.add(SESSION_START, every, 0.0, 0.0)
    script.add(IDENTIFY, every, 1.0, 0.4)
    script.add(EXPOSE, exposed_visit, 1.5, 0.3)
    # A few people are shown the panel again later: the first exposure counts.
    again = np.flatnonzero((rng.random(n) < 0.05) & (visits.start >= plan.experiment_day * DAY_MS))
    again = np.setdiff1d(again, exposed_visit)
    script.add(EXPOSE, again, 1.5, 0.3)
    who = np.flatnonzero(creates)
    script.add(CREATE, who, 2.0, wait(12, 2, len(who)))
    who = np.flatnonzero(~creates & ~joins)
    script.add(VIEW, who, 2.0, wait(12, 2, len(who)))
    who = np.flatnonzero(joins)
    script.add(JOIN, who, 2.0, wait(10, 1, len(who)))
    script.add(VIEW, who, 2.1, wait(2, 0.5, len(who)))
    visit, turn = expand(np.where(joins, 1 + rng.poisson(3.0, n), 0))
    script.add(INTERACT, visit, 3.0 + turn * 0.7, wait(25, 2, len(visit)))
    script.add(LEAVE, who, 900.0, wait(20, 1, len(who)))

    # Prompts, each followed by its outcome, often by a run of the sketch, sometimes by a rewrite.
    visit, turn = expand(np.where(rng.random(n) < 0.8, 1 + rng.poisson(1.6, n), 0))
    prompt_visit, p = visit, len(visit)
    unit = np.arange(p)
    order = 10.0 + turn * 10
    seconds = rng.lognormal(1.1, 0.5, p)
    rewrites = (turn > 0) & (rng.random(p) < 0.4)
    parent = np.where(rewrites, unit - 1, -1)
    at = np.flatnonzero(rewrites)
    script.add(MODIFY_PROMPT, visit[at], order[at], wait(30, 5, len(at)), unit[at])
    script.add(SUBMIT, visit, order + 0.1, wait(35, 3, p), unit)
    script.add(SUCCESS, visit, order + 0.2, seconds, unit)
    for kind, probability, place, pause in (
        (EXECUTE, 0.75, 1.0, 4),
        (MODIFY, 0.35, 2.0, 25),
        (CODE, 0.12, 3.0, 15),
        (HISTORY, 0.08, 4.0, 10),
    ):
        at = np.flatnonzero(rng.random(p) < probability)
        script.add(kind, visit[at], order[at] + place, wait(pause, 0.5, len(at)), unit[at])
    visit, _ = expand(rng.poisson(2.2, n))
    script.add(CANVAS, visit, rng.uniform(5, 60, len(visit)), wait(12, 0.5, len(visit)))
    for kind, mean in (
        (SETTINGS, 0.10),
        (TOOL, 0.5),
        (CLIENT_ERROR, 0.05),
        (PERFORMANCE, 0.05),
        (VIOLATION, 0.006),
        (RATE_LIMITED, 0.012),
        (MODERATED, 0.010),
        (API_REQUEST, 0.6),
        (RESOURCE, 0.15),
    ):
        visit, _ = expand(rng.poisson(mean, n))
        script.add(kind, visit, rng.uniform(2, 70, len(visit)), wait(6, 0.1, len(visit)))
    script.add(SESSION_END, every, 1000.0, wait(20, 1, n))
    return Prompts(prompt_visit, parent, seconds), script

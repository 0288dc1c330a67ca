"""The first pass: all that the people of one block do, in all four apps."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.academy import simulate_academy
from simulator.dirt import deliver
from simulator.feeds import FEEDS, EventRows
from simulator.interaction_log import simulate_interaction_log
from simulator.parameters import Plan
from simulator.people import People, draw_people
from simulator.seeding import Purpose, generator
from simulator.sketchychain import simulate_sketchychain
from simulator.spool import Key, Piece, SpoolWriter, spool_path, write_truth_piece
from simulator.studyin import simulate_studyin
from simulator.true_funnels import FUNNELS, first_passages, passage_table
from simulator.true_sessions import active_days, true_sessions
from simulator.truth import people_tables
from simulator.world import EXAMPLE_PROMPTS, build_world

_APPS = (
    (simulate_academy, Purpose.DIRT_ACADEMY),
    (simulate_studyin, Purpose.DIRT_STUDYIN),
    (simulate_sketchychain, Purpose.DIRT_SKETCHYCHAIN),
    (simulate_interaction_log, Purpose.DIRT_INTERACTION_LOG),
)


@dataclass
class BlockResult:
    """What the second pass needs to know of a block."""

    pieces: dict[Key, Piece]
    example_uses: np.ndarray
    funnels: dict[str, list[int]]
    missing_ends: int
    events: int


def simulate_block(plan: Plan, block: int) -> BlockResult:
    with spool_path(plan.spool, block).open("wb") as file:
        return _simulate_block(plan, block, SpoolWriter(file, block))


def _simulate_block(plan: Plan, block: int, spool: SpoolWriter) -> BlockResult:
    world = build_world(plan.seed, plan.behaviour)
    people = draw_people(plan, block)
    for name, rows in people_tables(plan, people).items():
        write_truth_piece(plan.spool, name, block, rows)
    uses = np.zeros((EXAMPLE_PROMPTS, len(plan.dump_days())), dtype=np.int64)
    funnels: dict[str, list[int]] = {}
    passed: list[pa.Table] = []
    days: list[pa.Table] = []
    sessions: list[pa.Table] = []
    missing: list[pa.Table] = []
    events = 0
    for simulate_app, dirt_purpose in _APPS:
        app = simulate_app(plan, world, people, block)
        rng = generator(plan.seed, dirt_purpose, block)
        for rows in app.events:
            number = FEEDS.index(rows.feed)
            lines = deliver(rng, plan, rows)
            spool.add_lines(number, lines, plan.parts_per_day[number])
            sessions.append(true_sessions(plan, people, rows))
            missing.append(_missing_ends(people, rows, lines.missing_ends))
            events += len(rows.rows)
        if app.events:
            days.append(active_days(plan, people, app.events))
        for funnel in FUNNELS:
            if app.events and app.events[0].feed.source == funnel.source:
                passages = first_passages(app.events, funnel, people.n)
                funnels[funnel.name] = (passages >= 0).sum(axis=1).tolist()
                passed.append(passage_table(plan, people, funnel, passages))
        for versions in app.extracts:
            spool.add_versions(versions)
        for name, table in app.truth.items():
            write_truth_piece(plan.spool, name, block, table)
        if app.example_uses is not None:
            uses += app.example_uses
    missing_ends = 0
    if sessions:
        write_truth_piece(plan.spool, "funnel_people", block, pa.concat_tables(passed))
        write_truth_piece(plan.spool, "active_days", block, pa.concat_tables(days))
        write_truth_piece(plan.spool, "sessions", block, pa.concat_tables(sessions))
        missing_rows = pa.concat_tables(missing)
        missing_ends = missing_rows.num_rows
        write_truth_piece(plan.spool, "missing_session_ends", block, missing_rows)
    return BlockResult(spool.pieces, uses, funnels, missing_ends, events)


def _missing_ends(people: People, events: EventRows, at: np.ndarray) -> pa.Table:
    visit = events.rows.visit[at]
    return pa.table(
        {
            "source_app": pa.array([events.feed.source] * len(at), pa.string()),
            "client_session_id": events.client_session.take(
                pa.array(events.session_of_visit[visit])
            ),
            "person": people.number[events.person_of_visit[visit]],
        }
    )

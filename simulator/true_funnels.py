"""How many people really went through each of a few funnels: one step after the other, ever."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator import interaction_log
from simulator.academy import kinds as academy
from simulator.feeds import (
    ACADEMY_EVENTS,
    INTERACTIONS,
    SKETCH_EVENTS,
    STUDY_EVENTS,
    EventRows,
    Feed,
)
from simulator.sketchychain import kinds as sketchychain
from simulator.studyin import kinds as studyin


@dataclass(frozen=True)
class Funnel:
    """Steps by canonical event name, with the feed's kinds that count for each."""

    name: str
    feed: Feed
    steps: tuple[tuple[str, tuple[int, ...]], ...]


FUNNELS = (
    Funnel(
        "academy_prompt",
        ACADEMY_EVENTS,
        (
            ("PAGE_VIEW", (academy.PAGE_VIEW,)),
            ("LLM_PROMPT", (academy.LLM_PROMPT,)),
            ("PROMPT_SAVE", (academy.PROMPT_SAVE,)),
        ),
    ),
    Funnel(
        "academy_lesson",
        ACADEMY_EVENTS,
        (
            ("LESSON_START", (academy.LESSON_START,)),
            ("LESSON_COMPLETE", (academy.LESSON_COMPLETE,)),
            ("MODULE_COMPLETE", (academy.MODULE_COMPLETE,)),
        ),
    ),
    Funnel(
        "study_session",
        STUDY_EVENTS,
        (
            ("MATERIAL_OPEN", (studyin.MATERIAL_OPEN,)),
            ("QUESTION_SUBMIT", (studyin.QUESTION_SUBMIT, studyin.QUESTION_ATTEMPT)),
            ("QUIZ_COMPLETE", (studyin.QUIZ_COMPLETE,)),
        ),
    ),
    Funnel(
        "sketch_prompt",
        SKETCH_EVENTS,
        (
            ("PROMPT_SUBMIT", (sketchychain.SUBMIT,)),
            ("PROMPT_SUCCEED", (sketchychain.SUCCESS,)),
            ("SKETCH_EXECUTE", (sketchychain.EXECUTE,)),
        ),
    ),
    Funnel(
        "generation",
        INTERACTIONS,
        (
            ("PAGE_VIEW", (interaction_log.NAVIGATION,)),
            ("FIELD_INPUT", (interaction_log.INPUT,)),
            ("GENERATION_COMPLETE", (interaction_log.GENERATION,)),
        ),
    ),
)


def people_reaching(events: EventRows, funnel: Funnel, people: int) -> list[int]:
    """People of a block who reached each step, after the step before it."""
    never = np.iinfo(np.int64).max
    person = events.person_of_visit[events.rows.visit]
    reached = np.full(people, -1, dtype=np.int64)
    counts = []
    for _, kinds in funnel.steps:
        at = events.rows.of(*kinds)
        at = at[events.rows.time[at] > reached[person[at]]]
        first = np.full(people, never, dtype=np.int64)
        np.minimum.at(first, person[at], events.rows.time[at])
        reached = first
        counts.append(int(np.count_nonzero(first < never)))
    return counts


def funnel_table(totals: dict[str, list[int]]) -> pa.Table:
    rows = [
        {"funnel": funnel.name, "step": i + 1, "event_name": name, "people": totals[funnel.name][i]}
        for funnel in FUNNELS
        if funnel.name in totals
        for i, (name, _) in enumerate(funnel.steps)
    ]
    schema = pa.schema(
        [
            ("funnel", pa.string()),
            ("step", pa.int64()),
            ("event_name", pa.string()),
            ("people", pa.int64()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)

"""Who really went through each of a few funnels: one step after the other, ever."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator import interaction_log
from simulator.academy import kinds as academy
from simulator.feeds import EventRows
from simulator.parameters import Plan
from simulator.people import People
from simulator.sketchychain import kinds as sketchychain
from simulator.studyin import kinds as studyin


@dataclass(frozen=True)
class Funnel:
    """Steps by canonical event name, with the app's kinds that count for each."""

    name: str
    source: str
    steps: tuple[tuple[str, tuple[int, ...]], ...]


FUNNELS = (
    Funnel(
        "academy_prompt",
        "academy",
        (
            ("PAGE_VIEW", (academy.PAGE_VIEW,)),
            ("LLM_PROMPT", (academy.LLM_PROMPT,)),
            ("PROMPT_SAVE", (academy.PROMPT_SAVE,)),
        ),
    ),
    Funnel(
        "academy_lesson",
        "academy",
        (
            ("LESSON_START", (academy.LESSON_START,)),
            ("LESSON_COMPLETE", (academy.LESSON_COMPLETE,)),
            ("MODULE_COMPLETE", (academy.MODULE_COMPLETE,)),
        ),
    ),
    Funnel(
        "study_session",
        "studyin",
        (
            ("MATERIAL_OPEN", (studyin.MATERIAL_OPEN,)),
            ("QUESTION_SUBMIT", (studyin.QUESTION_SUBMIT, studyin.QUESTION_ATTEMPT)),
            ("QUIZ_COMPLETE", (studyin.QUIZ_COMPLETE,)),
        ),
    ),
    Funnel(
        "sketch_prompt",
        "sketchychain",
        (
            ("PROMPT_SUBMIT", (sketchychain.SUBMIT,)),
            ("PROMPT_SUCCEED", (sketchychain.SUCCESS,)),
            ("SKETCH_EXECUTE", (sketchychain.EXECUTE,)),
        ),
    ),
    Funnel(
        "generation",
        "interaction_log",
        (
            ("PAGE_VIEW", (interaction_log.NAVIGATION,)),
            ("FIELD_INPUT", (interaction_log.INPUT,)),
            ("GENERATION_COMPLETE", (interaction_log.GENERATION,)),
        ),
    ),
)


def first_passages(events: list[EventRows], funnel: Funnel, people: int) -> np.ndarray:
    """When each person of a block took each step after the one before it: step by person, -1 never.

    `events` are all feeds of the app: who begins in one vocabulary may go on in the other.
    """
    never = np.iinfo(np.int64).max
    kind = np.concatenate([of_feed.rows.kind for of_feed in events])
    time = np.concatenate([of_feed.rows.time for of_feed in events])
    person = np.concatenate([of_feed.person_of_visit[of_feed.rows.visit] for of_feed in events])
    reached = np.full(people, -1, dtype=np.int64)
    passages = np.empty((len(funnel.steps), people), dtype=np.int64)
    for step, (_, kinds) in enumerate(funnel.steps):
        at = np.flatnonzero(np.isin(kind, kinds) & (time > reached[person]))
        reached = np.full(people, never, dtype=np.int64)
        np.minimum.at(reached, person[at], time[at])
        passages[step] = np.where(reached < never, reached, -1)
    return passages


def passage_table(plan: Plan, people: People, funnel: Funnel, passages: np.ndarray) -> pa.Table:
    """One row per person and step that the person took."""
    step, person = np.nonzero(passages >= 0)
    return pa.table(
        {
            "funnel": pa.array([funnel.name] * len(step), pa.string()),
            "person": people.number[person],
            "step": step + 1,
            "reached_at": pa.array(passages[step, person] + plan.start_ms).cast(pa.timestamp("ms")),
        }
    )


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

"""Stretches of a visit to which several events belong: a lesson sat through, a prompt tried."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.academy.logins import Logins
from simulator.parameters import Plan
from simulator.people import People
from simulator.timeline import Rows
from simulator.visits import Visits
from simulator.world import World


@dataclass
class LessonUnits:
    """One entry a sitting: the visit, the lesson, and whether it was finished."""

    visit: np.ndarray
    lesson: np.ndarray
    completed: np.ndarray


@dataclass
class PromptUnits:
    """One entry a prompt; `example` is the example that it may have come from."""

    visit: np.ndarray
    text: np.ndarray
    example: np.ndarray
    response_ms: np.ndarray


@dataclass
class Evaluations:
    """One entry an evaluation: its row, the prompt's hidden quality, a score per criterion."""

    row: np.ndarray
    quality: np.ndarray
    scores: np.ndarray


@dataclass
class Academy:
    """All that was done in one block, for the records and the tables to tell.

    By row: `person`, `signed_in` and `lesson` (-1 outside any). By visit: `session`.
    """

    plan: Plan
    world: World
    people: People
    visits: Visits
    logins: Logins
    rows: Rows
    person: np.ndarray
    signed_in: np.ndarray
    session: pa.StringArray
    lesson: np.ndarray
    prompts: PromptUnits
    evaluations: Evaluations

"""What the events of a visit are about: questions shown, materials opened, people's habits."""

from dataclasses import dataclass

import numpy as np

from simulator.parameters import Plan
from simulator.people import People
from simulator.studyin.gamification import Streaks
from simulator.studyin.learning import Attempts
from simulator.timeline import Rows
from simulator.world import World


@dataclass
class Questions:
    """One entry a question shown: what was asked, and how it was gone about."""

    visit: np.ndarray
    question: np.ndarray
    seconds: np.ndarray
    hint: np.ndarray
    rapid: np.ndarray
    quiz: np.ndarray


@dataclass
class Reading:
    """One entry a material opened; `read_*` one a heartbeat."""

    visit: np.ndarray
    material: np.ndarray
    read_opening: np.ndarray
    read_place: np.ndarray


@dataclass
class Habits:
    """Traits of the block's people that only StudyIn needs."""

    base: np.ndarray
    gives_confidence: np.ndarray
    overconfidence: np.ndarray


@dataclass
class Study:
    """All that was done in one block, for the records to tell.

    `person` has an entry per visit and, after the `visits` real ones, one per nightly job.
    `points` are the totals after each row that earned some.
    """

    plan: Plan
    world: World
    people: People
    person: np.ndarray
    visits: int
    second: np.ndarray
    topic: np.ndarray
    reading: Reading
    questions: Questions
    attempts: Attempts
    habits: Habits
    streaks: Streaks
    points: np.ndarray
    rows: Rows

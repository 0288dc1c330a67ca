"""What the events of a block are about: prompts, sketches, arms."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.parameters import Plan
from simulator.people import People
from simulator.timeline import Rows
from simulator.visits import Visits
from simulator.world import World


@dataclass
class Prompts:
    """One entry a prompt: what was asked, and how long the answer took."""

    visit: np.ndarray
    parent: np.ndarray
    seconds: np.ndarray


@dataclass
class Studio:
    """All that was done in one block, for the records and the table of sketches to tell.

    `session` and `sketch` (the number of the sketch) are by visit, `arm` by person.
    """

    plan: Plan
    world: World
    people: People
    visits: Visits
    rows: Rows
    session: pa.StringArray
    sketch: np.ndarray
    arm: np.ndarray
    prompts: Prompts

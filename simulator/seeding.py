"""Random streams: one per purpose and block, so that no part of the world can disturb another.

A block of people is simulated from (seed, purpose, block) alone. Neither the number of workers nor
the order in which they finish can therefore change a byte, and turning the dirt off leaves the
behaviour exactly as it was, because dirt draws from purposes of its own.
"""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a random stream is for. The numbers are part of what a seed means: never renumber."""

    WORLD = 1
    PEOPLE = 2
    ACADEMY = 3
    STUDYIN = 4
    SKETCHYCHAIN = 5
    INTERACTION_LOG = 6
    DIRT_ACADEMY = 13
    DIRT_STUDYIN = 14
    DIRT_SKETCHYCHAIN = 15
    DIRT_INTERACTION_LOG = 16


def generator(seed: int, purpose: Purpose, block: int = 0) -> np.random.Generator:
    """The random stream of one purpose in one block of one world."""
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(int(purpose), block))
    return np.random.Generator(np.random.PCG64(sequence))

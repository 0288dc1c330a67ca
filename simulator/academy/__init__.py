"""The academy: visitors who log in, lessons, and prompts that get better with practice.

The traps of its envelope are its server's: `userId` holds the anonymous id of a visitor, and every
evaluation of a person overwrites the one prompt row `<userId>-temp`.
"""

from simulator.academy.behaviour import simulate_academy

__all__ = ["simulate_academy"]

"""StudyIn: reading, practice, an AI coach and points, in two vocabularies.

The first client (001) puts object ids on top and sends UUIDs; the second (004) puts them into
`properties`, has names of its own and sends the SHA-256 of the same UUIDs. One person may use both.
"""

from simulator.studyin.behaviour import simulate_studyin

__all__ = ["simulate_studyin"]

"""What an app module hands on: rows that can be rendered, extract rows, and truth."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from simulator.timeline import Rows


@dataclass(frozen=True)
class Feed:
    """One kind of event file: a stream in one of its vocabularies."""

    source: str
    stream: str
    vocabulary: str
    first_part: int


ACADEMY_EVENTS = Feed("academy", "tracking_events", "academy", 0)
STUDY_EVENTS = Feed("studyin", "study_events", "001", 0)
STUDY_EVENTS_SECOND = Feed("studyin", "study_events", "004", 1000)
SKETCH_EVENTS = Feed("sketchychain", "events", "sketchychain", 0)
INTERACTIONS = Feed("interaction_log", "interactions", "interaction_log", 0)
FEEDS = (ACADEMY_EVENTS, STUDY_EVENTS, STUDY_EVENTS_SECOND, SKETCH_EVENTS, INTERACTIONS)


@dataclass
class EventRows:
    """The events of one feed in one block, before dirt.

    `render(shown, received)` gives one JSON line a row for the times that the records show and the
    times at which they reached the server, both in ms since the start of the world.
    """

    feed: Feed
    rows: Rows
    is_activity: np.ndarray
    is_pause: np.ndarray
    is_end: np.ndarray
    client_session: pa.StringArray
    session_of_visit: np.ndarray
    person_of_visit: np.ndarray
    render: Callable[[np.ndarray, np.ndarray], pa.StringArray]
    required_fields: Callable[[dict], list[str]]
    # Rows whose only time is the server's, which no device's clock can spoil.
    is_server_timed: np.ndarray | None = None


@dataclass
class Versions:
    """Rows of an entity extract: each is the state of an entity from `since` on.

    `entity` numbers the entities of the block; a dump shows each one's latest row. With
    `only_new`, a dump holds only the rows of the two weeks before it.
    """

    source: str
    stream: str
    entity: np.ndarray
    since: np.ndarray
    line: pa.StringArray
    only_new: bool = False


@dataclass
class AppBlock:
    """All that one app did in one block."""

    events: list[EventRows]
    extracts: list[Versions] = field(default_factory=list)
    truth: dict[str, pa.Table] = field(default_factory=dict)
    example_uses: np.ndarray | None = None

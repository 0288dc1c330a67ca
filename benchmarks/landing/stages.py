"""A landing in one process with a stopwatch at every stage, put on from outside.

Each moment counts for the innermost stage that is open, so that the stages sum to the whole. A
function that the loader no longer has is named in `missing`; its time then counts for the stage
around it.
"""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Callable

import pyarrow as pa

REST = "everything else"
CLOSING = "commit, checkpoint"
# stage → where its functions are looked up when they are called
STAGES = {
    "hash of the file": ["loaders.landing:sha256_of"],
    "read, unpack, cut into chunks": ["loaders.landing:read_chunks"],
    "hand over as Arrow": [
        "loaders.parsing:Parser.parse",
        "loaders.writing:Arrival.take",
        "loaders.writing:Arrival.hand_over",
    ],
    "read JSON, prove it, lift fields out": ["loaders.parsing:check_lines"],
    "second look at lines not written compactly": [
        "loaders.checking:read_with_care",
    ],
    "fields to columns": ["loaders.parsing:shape"],
    "times": ["loaders.shaping:parse_times"],
    "ids in places where none are declared": ["loaders.shaping:_Shaper._hide_own_identifiers"],
    "keyed hashes, consent": [
        "loaders.shaping:_Shaper._people",
        "loaders.shaping:_Shaper._consent",
        "loaders.shaping:_Shaper._key",
    ],
    "event ids, event types": ["loaders.shaping:_Shaper._event_ids"],
    "clients and addresses": ["loaders.shaping:_Shaper._clients"],
    "properties: write, look for personal data": ["loaders.shaping:_Shaper._properties"],
    "look for repeats": ["loaders.ledger:_find_repeats"],
    "write rows": ["loaders.ledger:insert_rows"],
    CLOSING: ["loaders.writing:Writer._close"],
    "quarantine, ledger": [
        "loaders.ledger:insert_quarantine",
        "loaders.ledger:insert_ledger",
        "loaders.ledger:remember_files",
        "loaders.ledger:read_seen",
        "loaders.ledger:create_tables",
        "loaders.parsing:Parser._put_aside",
    ],
}


class _Stopwatch:
    def __init__(self):
        self.seconds = dict.fromkeys([*STAGES, REST], 0.0)
        self._open = [REST]
        self._since = time.perf_counter()

    def _switch(self) -> None:
        now = time.perf_counter()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def enter(self, stage: str) -> None:
        self._switch()
        self._open.append(stage)

    def leave(self) -> None:
        self._switch()
        self._open.pop()

    def timed(self, stage: str, function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*args, **kwargs):
            self.enter(stage)
            try:
                result = function(*args, **kwargs)
            finally:
                self.leave()
            # A generator works while it is asked, not while it is made.
            return self._timed_steps(stage, result) if hasattr(result, "__next__") else result

        return call

    def _timed_steps(self, stage: str, steps):
        while True:
            self.enter(stage)
            try:
                step = next(steps, None)
            finally:
                self.leave()
            if step is None:
                return
            yield step


class _TimedConnection:
    """Tells closing from the rest; all else goes straight through, as DuckDB looks for the tables
    of a query where it is asked."""

    def __init__(self, con, watch: _Stopwatch):
        self._con = con
        self.close = watch.timed(CLOSING, con.close)

    def __getattr__(self, name: str):
        return getattr(self._con, name)


def land_in_stages():
    """Land as `SIGHTLINE_DATA` says. Returns seconds by stage, what was not found, the report."""
    # Imports are no stage, nor is Arrow's first array, which imports pandas.
    from loaders import ledger
    from loaders.landing import land

    pa.array([""])
    watch = _Stopwatch()
    missing = []
    for stage, places in STAGES.items():
        for place in places:
            owner, name = _find(place)
            if owner is None:
                missing.append(place)
            else:
                setattr(owner, name, watch.timed(stage, getattr(owner, name)))
    connect = ledger.connect
    ledger.connect = lambda *args: _TimedConnection(connect(*args), watch)
    report = land()
    watch.enter(REST)
    return watch.seconds, missing, report


def _find(place: str):
    module, _, path = place.partition(":")
    try:
        owner = importlib.import_module(module)
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        getattr(owner, name)
    except (ImportError, AttributeError):
        return None, None
    return owner, name

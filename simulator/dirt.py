"""What goes wrong on the way: repeats, delays, wrong clocks, broken and unknown records.

Dirt draws from random streams of its own and is laid over finished behaviour, so a clean world and
a dirty one of the same seed hold the same events. Broken, unknown and incomplete records are extra:
spoilt copies with ids of their own, so that nothing else is lost with them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import orjson
import pyarrow as pa

from simulator.feeds import INTERACTIONS, EventRows
from simulator.formats import has_lines, same_text
from simulator.lines import uuids
from simulator.parameters import DAY_MS, HOUR_MS, MINUTE_MS, DirtRates, Plan


class Dirt(IntFlag):
    """What is wrong with a line. `truth/dirt.parquet` has a row per line and kind."""

    CLEAN = 0
    DUPLICATE = 1
    LATE = 2
    OUT_OF_ORDER = 4
    SKEWED = 8
    UNKNOWN_TYPE = 16
    MISSING_FIELD = 32
    MISSING_ID = 64
    MALFORMED = 128
    BLANK = 256


UNKNOWN_TYPES = {
    "academy": ("WIDGET_OPEN", "BADGE_VIEW"),
    "studyin": ("mood_logged", "timer_tick"),
    "sketchychain": ("feature:confetti", "sketch:teleport"),
    "interaction_log": ("long_press", "hover"),
}
_TYPE_KEYS = {"academy": "eventType", "interaction_log": "action"}
FLUSH_MS = 30_000
_NESTS = ("properties", "details", "metadata")


@dataclass
class Lines:
    """Finished lines of one feed in one block, each with the time at which it arrives (ms)."""

    line: pa.StringArray
    arrival: np.ndarray
    dirt: np.ndarray
    detail: pa.StringArray
    missing_ends: np.ndarray


def deliver(rng: np.random.Generator, plan: Plan, events: EventRows) -> Lines:
    """Render the events and bring them to the server, with all that goes wrong if it may."""
    rows, n = events.rows, len(events.rows)
    last = plan.horizon_ms - 1
    # Clients flush what has gathered every thirty seconds, in its order.
    phase = rng.integers(0, FLUSH_MS, len(events.person_of_visit))[rows.visit]
    arrival = np.minimum(rows.time + (phase - rows.time) % FLUSH_MS + 40, last)
    if plan.clean:
        line = events.render(rows.time, arrival)
        no_detail = pa.array([""]).take(pa.array(np.zeros(n, dtype=np.int8)))
        return Lines(
            line, arrival, np.zeros(n, dtype=np.int16), no_detail, np.zeros(0, dtype=np.int64)
        )

    rates = plan.dirt
    arrival, dirt, late_days = _delay(rng, plan, events, arrival)
    shown, dirt, skew_days = _skew(rng, plan, events, dirt)
    line = events.render(shown, arrival)

    end = np.flatnonzero(events.is_end)
    gone = end[rng.random(len(end)) < rates.missing_session_end]
    keep = np.ones(n, dtype=bool)
    keep[gone] = False
    kept = np.flatnonzero(keep)

    extra = _Extra(plan, events, line, arrival)
    extra.repeat(rng, kept)
    extra.spoil(rng, kept, Dirt.UNKNOWN_TYPE, rates.unknown_type, extra.unknown)
    extra.spoil(rng, kept, Dirt.MISSING_FIELD, rates.missing_field, extra.without_field)
    if events.feed is not INTERACTIONS:
        extra.spoil(rng, kept, Dirt.MISSING_ID, rates.missing_id, extra.without_id)
    extra.damage(rng, kept, rates)

    days = np.where(dirt & Dirt.LATE, late_days, np.where(dirt & Dirt.SKEWED, skew_days, 0))
    words = pa.array(["", *[f"{d} days" for d in range(1, 64)]])
    detail = words.take(pa.array(days.astype(np.int16)))
    index = pa.array(kept)
    return Lines(
        pa.concat_arrays([line.take(index), *extra.lines]),
        np.concatenate([arrival[kept], *extra.arrivals]),
        np.concatenate([dirt[kept], *extra.kinds]).astype(np.int16),
        pa.concat_arrays([detail.take(index), *extra.details]),
        gone,
    )


def _delay(
    rng: np.random.Generator, plan: Plan, events: EventRows, arrival: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Late visits (a device that was offline), late single events, and swapped ones."""
    rates, rows, n = plan.dirt, events.rows, len(events.rows)
    dirt = np.zeros(n, dtype=np.int64)
    visits = len(events.person_of_visit)
    by_visit = rng.random(visits) < rates.late_sessions
    # A device that comes back hands over everything at once, some days later.
    by_visit &= events.session_of_visit >= 0
    wait = np.minimum(1 + rng.exponential(4.0, visits), rates.late_days_most - 0.5) * DAY_MS
    back = np.zeros(visits, dtype=np.int64)
    np.maximum.at(back, rows.visit, rows.time)
    one = rng.random(n) < rates.late_events
    late = by_visit[rows.visit] | one
    alone = np.minimum(1 + rng.exponential(4.0, n), rates.late_days_most - 0.5) * DAY_MS
    arrives = np.where(
        by_visit[rows.visit],
        (back + wait)[rows.visit] + rng.integers(0, 2000, n),
        rows.time + alone,
    ).astype(np.int64)
    # What would arrive after the world's last day has not arrived: it is not late but on time.
    late &= (arrives < plan.horizon_ms) & (arrives - rows.time < rates.late_days_most * DAY_MS)
    arrival = np.where(late, arrives, arrival)
    dirt[late] |= Dirt.LATE
    swapped = (rng.random(n) < rates.out_of_order) & ~late
    later = arrival + rng.integers(5_000, 20 * MINUTE_MS, n)
    swapped &= later // DAY_MS == arrival // DAY_MS
    arrival = np.where(swapped, later, arrival)
    dirt[swapped] |= Dirt.OUT_OF_ORDER
    return arrival, dirt, (arrival - rows.time) // DAY_MS


def _skew(
    rng: np.random.Generator, plan: Plan, events: EventRows, dirt: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole visits from devices whose clock runs days ahead."""
    rates, rows = plan.dirt, events.rows
    visits = len(events.person_of_visit)
    wrong = (rng.random(visits) < rates.skewed_sessions) & (events.session_of_visit >= 0)
    ahead = (rng.uniform(1.2, rates.skew_days_most, visits) * DAY_MS).astype(np.int64)
    skewed = wrong[rows.visit] & ((dirt & Dirt.LATE) == 0)
    if events.is_server_timed is not None:
        skewed &= ~events.is_server_timed
    shift = np.where(skewed, ahead[rows.visit], 0)
    return rows.time + shift, dirt | np.where(skewed, Dirt.SKEWED, 0), shift // DAY_MS


class _Extra:
    """Lines beside the real ones."""

    def __init__(self, plan: Plan, events: EventRows, line: pa.StringArray, arrival: np.ndarray):
        self.plan, self.events, self.line, self.arrival = plan, events, line, arrival
        self.lines: list[pa.StringArray] = []
        self.arrivals: list[np.ndarray] = []
        self.kinds: list[np.ndarray] = []
        self.details: list[pa.StringArray] = []

    def _add(
        self, line: pa.StringArray, arrival: np.ndarray, kind: Dirt, detail: pa.StringArray
    ) -> None:
        self.lines.append(line)
        self.arrivals.append(arrival.astype(np.int64))
        self.kinds.append(np.full(len(arrival), int(kind)))
        self.details.append(detail)

    def repeat(self, rng: np.random.Generator, kept: np.ndarray) -> None:
        """Events sent again, byte for byte: within the hour, or one to three days later."""
        chosen = kept[rng.random(len(kept)) < self.plan.dirt.duplicate]
        k = len(chosen)
        first = self.arrival[chosen]
        soon = first + rng.integers(1_000, HOUR_MS, k)
        days = rng.integers(1, 4, k)
        by_days = rng.random(k) < 0.5
        feed = self.events.feed
        form = same_text(feed, first // DAY_MS)
        # A day whose files hold the record in the same form; four days cover every feed's turn.
        later = first + days * DAY_MS
        for _ in range(4):
            other = same_text(feed, later // DAY_MS) != form
            later = np.where(other, later + DAY_MS, later)
        again = np.where(by_days, later, soon)
        day = first // DAY_MS
        moved = again // DAY_MS != day
        # Where there is no such day: at the very end of the first copy's own.
        misses = moved & (same_text(feed, again // DAY_MS) != form)
        misses |= again >= self.plan.horizon_ms
        again = np.where(misses, (day + 1) * DAY_MS - 1, again)
        self._add(
            self.line.take(pa.array(chosen)), again, Dirt.DUPLICATE, pa.array([""] * k, pa.string())
        )

    def spoil(
        self,
        rng: np.random.Generator,
        kept: np.ndarray,
        kind: Dirt,
        rate: float,
        change: Callable[[np.random.Generator, dict], str | None],
    ) -> None:
        """Copies of events with new ids, each changed; `change` says how, None if it cannot."""
        wanted = rng.binomial(len(kept), rate) if len(kept) else 0
        candidates = kept[rng.integers(0, len(kept), 4 * wanted)] if wanted else kept[:0]
        ids = uuids(rng, len(candidates)).to_pylist()
        lines, rows, details = [], [], []
        for row, text, new_id in zip(
            candidates.tolist(), self.line.take(pa.array(candidates)).to_pylist(), ids, strict=True
        ):
            if len(lines) == wanted:
                break
            record = orjson.loads(text)
            for key in ("id", "event_id"):
                if key in record:
                    record[key] = new_id
            detail = change(rng, record)
            if detail is not None:
                lines.append(orjson.dumps(record).decode() + "\n")
                rows.append(row)
                details.append(detail)
        self._add(
            pa.array(lines, pa.string()),
            self.arrival[np.array(rows, dtype=np.int64)],
            kind,
            pa.array(details, pa.string()),
        )

    def unknown(self, rng: np.random.Generator, record: dict) -> str:
        names = UNKNOWN_TYPES[self.events.feed.source]
        name = names[int(rng.integers(len(names)))]
        record[_TYPE_KEYS.get(self.events.feed.source, "event_type")] = name
        return name

    def without_field(self, rng: np.random.Generator, record: dict) -> str | None:
        names = self.events.required_fields(record)
        if not names:
            return None
        name = names[int(rng.integers(len(names)))]
        record.pop(name, None)
        for nest in _NESTS:
            if isinstance(record.get(nest), dict):
                record[nest].pop(name, None)
        return name

    def without_id(self, rng: np.random.Generator, record: dict) -> str:
        name = "id" if "id" in record else "event_id"
        del record[name]
        return name

    def damage(self, rng: np.random.Generator, kept: np.ndarray, rates: DirtRates) -> None:
        """Lines that are no records, where the file has lines."""
        usable = kept[has_lines(self.events.feed, self.arrival[kept] // DAY_MS)]
        broken = usable[rng.random(len(usable)) < rates.malformed]
        lines, names = [], []
        for text in self.line.take(pa.array(broken)).to_pylist():
            name, how = _DAMAGES[int(rng.integers(len(_DAMAGES)))]
            lines.append(how(rng, text[:-1]) + "\n")
            names.append(name)
        self._add(
            pa.array(lines, pa.string()),
            self.arrival[broken],
            Dirt.MALFORMED,
            pa.array(names, pa.string()),
        )
        blank = usable[rng.random(len(usable)) < rates.blank]
        k = len(blank)
        self._add(
            pa.array(["\n"] * k, pa.string()),
            self.arrival[blank],
            Dirt.BLANK,
            pa.array([""] * k, pa.string()),
        )


def _cut(rng: np.random.Generator, text: str) -> str:
    return text[: int(rng.integers(len(text) // 4, len(text) - 1))]


_DAMAGES: tuple[tuple[str, Callable[[np.random.Generator, str], str]], ...] = (
    ("truncated", _cut),
    (
        "garbage",
        lambda rng, text: "\ufffd\ufffd upstream connect error " + text[:12].replace("{", "<"),
    ),
    ("trailing_comma", lambda rng, text: text[:-1] + ",}"),
    ("two_objects", lambda rng, text: text + text),
    ("not_an_object", lambda rng, text: '"ok"'),
    ("nan", lambda rng, text: text[:-1] + ',"extra":NaN}'),
)

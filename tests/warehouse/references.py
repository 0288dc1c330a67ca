"""What sessions and identity are, said once more: slow, plain Python, one event at a time.

The SQL has to agree with this on any data. Times are microseconds.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

TIMEOUT = 30 * 60 * 1_000_000
LONGEST = 24 * 60 * 60 * 1_000_000
COUNTED_GAP = 60 * 1_000_000
LOOKBACK = 30 * 24 * 60 * 60 * 1_000_000
MOST_USERS = 10


@dataclass(frozen=True)
class Event:
    key: str
    time: int
    name: str = "PAGE_VIEW"
    partition: str = "p"
    visitor: str = "v"
    user: str | None = None
    is_device: bool = True
    is_activity: bool = True
    is_skewed: bool = False

    @property
    def acts(self) -> bool:
        return self.is_activity and not self.is_skewed


@dataclass
class Session:
    deeds: list[Event] = field(default_factory=list)
    others: list[Event] = field(default_factory=list)
    active: int | None = None

    @property
    def events(self) -> list[Event]:
        return self.deeds + self.others


def in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.time, event.key))


def sessions_of(events: list[Event]) -> list[Session]:
    found = []
    for partition in sorted({event.partition for event in events}):
        # What a server did at the instant of a click comes after the click.
        found += _sessions_of_one(
            sorted(
                (event for event in events if event.partition == partition),
                key=lambda event: (event.time, not event.acts, event.key),
            )
        )
    return found


def _sessions_of_one(events: list[Event]) -> list[Session]:
    sessions: list[Session] = []
    current: Session | None = None
    stretch_began = last_deed = None
    for place, event in enumerate(events):
        before, after = events[:place], events[place:]
        # A pause that is resumed: nothing in it splits. Of marks at one instant the pause is later.
        marks_before = [(e.time, e.name == "SESSION_PAUSE") for e in before if _is_mark(e)]
        marks_after = [(e.time, e.name == "SESSION_PAUSE") for e in after if _is_mark(e)]
        is_paused = bool(marks_before) and max(marks_before)[1]
        is_bridged = is_paused and bool(marks_after) and not min(marks_after)[1]
        real = [e.time for e in before if e.acts and e.name != "SESSION_END"]
        ends_late = event.name == "SESSION_END" and real and event.time - max(real) >= TIMEOUT
        if event.acts and not ends_late:
            gap = None if last_deed is None else event.time - last_deed
            if gap is None or (gap > TIMEOUT and not is_bridged):
                stretch_began, current = event.time, None
            elif (event.time - stretch_began) // LONGEST > (last_deed - stretch_began) // LONGEST:
                current = None
            if current is None:
                current = Session()
                sessions.append(current)
            else:
                # A pause that nobody resumed stops the time of its own stretch only.
                paused_here = is_paused and max(marks_before)[0] >= stretch_began
                counted = 0 if paused_here else min(gap, COUNTED_GAP)
                current.active = (current.active or 0) + counted
            current.deeds.append(event)
            last_deed = event.time
        elif event.is_skewed or current is None:
            continue
        elif event.name == "SESSION_END" or is_bridged or event.time - last_deed <= TIMEOUT:
            current.others.append(event)
    return sessions


def _is_mark(event: Event) -> bool:
    return event.acts and event.name in ("SESSION_PAUSE", "SESSION_RESUME")


def actors_of(events: list[Event], session_of: dict[str, str]) -> dict[str, tuple[str, str]]:
    """event → (who it belongs to, why), before mappings and profiles."""
    by_visitor = defaultdict(list)
    for event in events:
        by_visitor[event.visitor].append(event)
    return {
        event.key: _actor(event, by_visitor[event.visitor], session_of.get(event.key))
        for event in events
    }


def _actor(event: Event, others: list[Event], session: str | None) -> tuple[str, str]:
    if event.user is not None:
        return event.user, "user"
    users = in_order([other for other in others if other.user is not None])
    is_device = any(other.is_device for other in others)
    if is_device and len({other.user for other in users}) > MOST_USERS:
        return session or event.visitor, "session"
    logouts = [other.time for other in others if other.name == "USER_LOGOUT"]
    # The epoch: from the last cut at or before the event to the next after it. A logout's own
    # instant still belongs to what it ends.
    cuts = {logout + 1 for logout in logouts}
    for one, next_one in pairwise(users):
        parted = any(one.time <= logout < next_one.time for logout in logouts)
        if one.user != next_one.user and not parted:
            cuts.add(next_one.time)
    begin = max((cut for cut in cuts if cut <= event.time), default=None)
    end = min((cut for cut in cuts if cut > event.time), default=None)
    inside = [
        other
        for other in users
        if (begin is None or other.time >= begin) and (end is None or other.time < end)
    ]
    if not inside:
        return event.visitor, "unclaimed"
    if event.time >= min(other.time for other in inside) - LOOKBACK:
        return min(other.user for other in inside), "user"
    return event.visitor, "visitor"

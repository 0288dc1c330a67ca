"""What a funnel is, said once more: slow, plain Python, one start at a time.

The SQL has to agree with this on any data. Times are microseconds.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

DAY = 24 * 60 * 60 * 1_000_000


@dataclass(frozen=True)
class Funnel:
    name: str
    steps: tuple[str, ...]  # the letters of the events that take each step
    ordering: str = "ordered"
    excluded: str = ""
    window: int = 60 * 60 * 1_000_000
    unit: str = "person"

    def steps_of(self, letter: str) -> list[int]:
        return [number for number, taken in enumerate(self.steps, 1) if letter in taken]


@dataclass(frozen=True)
class Event:
    unit: str
    time: int
    key: str
    letter: str


@dataclass(frozen=True)
class Person:
    level: int
    entered: int
    times: tuple[int, ...]  # when each step was taken
    is_open: bool
    reason: str | None


def people_of(funnel: Funnel, events: list[Event], end: int) -> dict[tuple[str, int], Person]:
    """(unit, day of entry) → how far and why no further. Time ends at `end`."""
    units = defaultdict(list)
    for event in events:
        if funnel.ordering == "strict" or _matters(funnel, event.letter):
            units[event.unit].append(event)
    found = {}
    for unit, theirs in units.items():
        for day, person in _days(funnel, theirs, end).items():
            found[unit, day] = person
    return found


def _matters(funnel: Funnel, letter: str) -> bool:
    return bool(funnel.steps_of(letter)) or letter in funnel.excluded


def _days(funnel: Funnel, events: list[Event], end: int) -> dict[int, Person]:
    # At one instant the earlier step comes first; what is no step comes last.
    events = sorted(
        events, key=lambda e: (e.time, min(funnel.steps_of(e.letter), default=1000), e.key)
    )
    if funnel.ordering == "any_order":
        reached, starts = _in_any_order(funnel, events)
    else:
        reached, starts = _in_order(funnel, events)
    # Each attempt's first event of each level.
    attempts: dict[int, dict[int, int]] = defaultdict(dict)
    for level, place, start in reached:
        attempts[start][level] = min(place, attempts[start].get(level, place))
    days = defaultdict(list)
    for start, taken in attempts.items():
        days[start // DAY].append((start, taken))
    found = {}
    for day, candidates in days.items():
        start, taken = min(candidates, key=lambda attempt: _rank(funnel, events, *attempt))
        converted = len(taken) == len(funnel.steps)
        # Who may yet convert from whichever start of the day is not decided.
        last_start = max(s for s in starts if s // DAY == day)
        is_open = not converted and last_start + funnel.window >= end
        reason = None
        if is_open:
            reason = "open"
        elif not converted:
            reason = _reason(funnel, events, start, taken)
        times = tuple(events[place].time for _, place in sorted(taken.items()))
        found[day] = Person(len(taken), start, times, is_open, reason)
    return found


def _rank(funnel: Funnel, events: list[Event], start: int, taken: dict[int, int]) -> tuple:
    """The first that converted; else the one that got furthest, of those the latest."""
    level = len(taken)
    converted_at = events[taken[level]].time if level == len(funnel.steps) else 0
    return (-level, converted_at, -start)


def _in_order(funnel: Funnel, events: list[Event]) -> tuple[list[tuple[int, int, int]], list[int]]:
    """(level, place, start): each step's event with the latest start that reaches it."""
    credited: dict[tuple[int, int], int] = {}
    starts = [place for place, event in enumerate(events) if 1 in funnel.steps_of(event.letter)]
    for start in starts:
        began = events[start].time
        now = {start}
        credited[1, start] = began
        for step in range(2, len(funnel.steps) + 1):
            now = {
                place
                for place, event in enumerate(events)
                if step in funnel.steps_of(event.letter)
                and event.time - began <= funnel.window
                and any(_may_follow(funnel, events, before, place) for before in now)
            }
            for place in now:
                credited[step, place] = max(began, credited.get((step, place), began))
    reached = [(step, place, start) for (step, place), start in credited.items()]
    return reached, [events[place].time for place in starts]


def _may_follow(funnel: Funnel, events: list[Event], before: int, place: int) -> bool:
    if funnel.ordering == "strict":
        return place == before + 1
    return before < place and not any(
        between.letter in funnel.excluded for between in events[before + 1 : place]
    )


def _in_any_order(
    funnel: Funnel, events: list[Event]
) -> tuple[list[tuple[int, int, int]], list[int]]:
    """Whoever took so many steps since a start has reached that level; of starts the latest."""
    credited: dict[tuple[int, int], int] = {}
    begins = [place for place, event in enumerate(events) if funnel.steps_of(event.letter)]
    for start in begins:
        taken: set[int] = set()
        for place in range(start, len(events)):
            if events[place].letter in funnel.excluded:
                break
            if events[place].time - events[start].time > funnel.window:
                break
            taken.update(funnel.steps_of(events[place].letter))
            credited[len(taken), place] = start  # later starts come later
    whole = [(start, end) for (level, end), start in credited.items() if level == len(funnel.steps)]
    # What belongs to a completion begins nothing of its own, unless that is completed as well.
    spent = {
        begin
        for begin in begins
        if begin not in {start for start, _ in whole}
        and any(start < begin <= end for start, end in whole)
    }
    reached = [
        (level, place, events[start].time)
        for (level, place), start in credited.items()
        if start not in spent
    ]
    return reached, [events[begin].time for begin in begins if begin not in spent]


def _reason(funnel: Funnel, events: list[Event], start: int, taken: dict[int, int]) -> str:
    """What came of the step that the attempt did not reach."""
    level, last = len(taken), taken[len(taken)]
    if funnel.ordering == "any_order":
        have = {step for place in taken.values() for step in funnel.steps_of(events[place].letter)}
        missing = set(range(1, len(funnel.steps) + 1)) - have
    else:
        missing = {level + 1}
    # How long the attempt would have had to be, and whether an excluding event is in it.
    chances = []
    for place, event in enumerate(events):
        if not missing & set(funnel.steps_of(event.letter)):
            continue
        first, final = min(place, last), max(place, last)
        excluded = any(other.letter in funnel.excluded for other in events[first + 1 : final])
        if place > last:
            chances.append((event.time - start, excluded))
        elif funnel.ordering == "any_order":
            length = events[last].time - event.time
            # What an earlier attempt took as well says nothing.
            if excluded or length > funnel.window:
                chances.append((length, excluded))
    if not chances:
        return "no event"
    in_time = [excluded for length, excluded in chances if length <= funnel.window]
    if not in_time:
        return "out of window"
    if all(in_time):
        return "excluded"
    return "not the next event" if funnel.ordering == "strict" else "counted for a later start"

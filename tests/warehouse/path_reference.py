"""What the ways through the apps are, said once more: slow, plain Python, one session at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise

DEEPEST_STORED = 20
DEEPEST_EDGE = 10
KEPT_STEPS = 20
LONGEST_PATH = 5
KEPT_PATHS = 100


@dataclass(frozen=True)
class Deed:
    key: str
    time: int
    name: str
    category: str = "NAVIGATION"
    place: str | None = None
    is_deed: bool = True

    @property
    def label(self) -> str:
        return self.name if self.place is None else f"{self.name} {self.place}"


@dataclass(frozen=True)
class Visit:
    session: str
    app: str
    person: str
    duration: int
    events: tuple[Deed, ...]

    def runs(self) -> list[tuple[str, int, int]]:
        """Its steps as (step, how many deeds in a row, time of the first)."""
        deeds = [one for one in self.events if one.is_deed and one.category != "SESSION"]
        deeds.sort(key=lambda deed: (deed.time, deed.key))
        found = []
        for label, run in groupby(deeds, key=lambda deed: deed.label):
            alike = list(run)
            found.append((label, len(alike), alike[0].time))
        return found

    def steps(self) -> list[str]:
        return [step for step, _, _ in self.runs()]


def steps_of(visits: list[Visit]) -> set[tuple]:
    """(session, depth, step, repeats, time)"""
    return {
        (visit.session, depth, *run)
        for visit in visits
        for depth, run in enumerate(visit.runs()[:DEEPEST_STORED], start=1)
    }


def edges_of(visits: list[Visit]) -> dict[tuple, tuple[int, int]]:
    """(app, depth, from, to) → (sessions, persons)"""
    kept = {app: _kept_steps(visits, app) for app in {visit.app for visit in visits}}
    sessions: dict[tuple, list[str]] = defaultdict(list)
    for visit in visits:
        steps = visit.steps()
        if not steps:
            continue
        shown = [step if step in kept[visit.app] else "other" for step in steps[:DEEPEST_EDGE]]
        leaving = "(more)" if len(steps) > DEEPEST_EDGE else "(exit)"
        for depth, (one, next_one) in enumerate(pairwise(["(entry)", *shown, leaving])):
            sessions[visit.app, depth, one, next_one].append(visit.person)
    return {edge: (len(persons), len(set(persons))) for edge, persons in sessions.items()}


def _kept_steps(visits: list[Visit], app: str) -> set[str]:
    takers = Counter()
    for visit in visits:
        if visit.app == app:
            takers.update(set(visit.steps()[:DEEPEST_EDGE]))
    return set(sorted(takers, key=lambda step: (-takers[step], step))[:KEPT_STEPS])


def paths_of(visits: list[Visit]) -> dict[tuple, tuple]:
    """(app, path) → (sessions, persons, average duration, share that drops off)"""
    found = {}
    for app in {visit.app for visit in visits}:
        walked = [(visit, visit.steps()) for visit in visits if visit.app == app]
        takers = defaultdict(list)
        for visit, steps in walked:
            if steps:
                takers[tuple(steps[:LONGEST_PATH])].append(visit)
        frequent = sorted(takers, key=lambda path: (-len(takers[path]), " > ".join(path)))
        for path in frequent[:KEPT_PATHS]:
            of_path = takers[path]
            beginning = [steps for _, steps in walked if tuple(steps[: len(path)]) == path]
            found[app, " > ".join(path)] = (
                len(of_path),
                len({visit.person for visit in of_path}),
                Fraction(sum(visit.duration for visit in of_path), len(of_path)),
                Fraction(sum(tuple(steps) == path for steps in beginning), len(beginning)),
            )
    return found

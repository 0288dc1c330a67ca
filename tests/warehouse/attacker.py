"""Somebody who has an export and wants to know what is not in it. He knows every rule that the
numbers of a table obey, and adds, subtracts and compares until nothing more can be told."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable

Name = Hashable


class Attacker:
    def __init__(self):
        self.low: dict[Name, float] = {}
        self.high: dict[Name, float] = {}
        self.rules: list[tuple[tuple[tuple[int, Name], ...], float]] = []
        self.rules_of: dict[Name, list[int]] = {}

    def is_told(self, name: Name, value: float) -> None:
        self.low[name] = self.high[name] = value

    def knows_at_most(self, terms: Iterable[tuple[int, Name]], bound: float = 0) -> None:
        """The sum of the terms, each a factor and a number's name, is at most the bound."""
        rule = tuple(terms)
        for _, name in rule:
            self.low.setdefault(name, 0)  # nothing that is counted is negative
            self.high.setdefault(name, math.inf)
            self.rules_of.setdefault(name, []).append(len(self.rules))
        self.rules.append((rule, bound))

    def knows_sum(self, whole: Name, parts: Iterable[Name]) -> None:
        terms = [(-1, whole), *((1, part) for part in parts)]
        self.knows_at_most(terms)
        self.knows_at_most([(-factor, name) for factor, name in terms])

    def knows_union(self, whole: Name, parts: Iterable[Name]) -> None:
        """People may be in several parts."""
        parts = list(parts)
        self.knows_at_most([(1, whole), *((-1, part) for part in parts)])
        for part in parts:
            self.knows_at_most([(1, part), (-1, whole)])

    def thinks(self) -> None:
        """Interval arithmetic until nothing changes."""
        waiting, is_waiting = list(range(len(self.rules))), [True] * len(self.rules)
        while waiting:
            number = waiting.pop()
            is_waiting[number] = False
            rule, bound = self.rules[number]
            least = [f * (self.low[n] if f > 0 else self.high[n]) for f, n in rule]
            unbounded = [index for index, value in enumerate(least) if value == -math.inf]
            if len(unbounded) > 1:
                continue
            total = sum(value for value in least if value != -math.inf)
            for index, (factor, name) in enumerate(rule):
                if unbounded and unbounded != [index]:
                    continue
                rest = total - (0 if unbounded else least[index])
                if factor > 0:
                    new, changed = math.floor((bound - rest) / factor), "high"
                    if new >= self.high[name]:
                        continue
                    self.high[name] = new
                else:
                    new, changed = math.ceil((bound - rest) / factor), "low"
                    if new <= self.low[name]:
                        continue
                    self.low[name] = new
                assert self.low[name] <= self.high[name], (name, changed, rule)
                for other in self.rules_of[name]:
                    if not is_waiting[other]:
                        is_waiting[other] = True
                        waiting.append(other)

    def choices(self, name: Name) -> float:
        """How many values the number can have, for all that he can tell."""
        return self.high[name] - self.low[name] + 1


class Table:
    """A table as it is, and what an export shows of it: the attacker is told the latter alone."""

    def __init__(self, attacker: Attacker, name: str, key: list[str], true: list[dict]):
        self.attacker, self.name, self.key = attacker, name, key
        self.rows = {tuple(row[column] for column in key): row for row in true}
        self.true: dict[Name, float] = {}

    def number(self, cell: dict, column: str, **others: object) -> Name | None:
        """The name of a number of the cell, or of the one that differs from it by others; None
        where the table has no such cell."""
        place = tuple({**cell, **others}[column] for column in self.key)
        if place not in self.rows:
            return None
        name = (self.name, place, column)
        self.true[name] = self.rows[place][column] or 0
        return name

    def shows(self, exported: Iterable[dict], columns: Iterable[str]) -> None:
        for row in exported:
            for column in columns:
                if row[column] is not None:
                    self.attacker.is_told(self.number(row, column), row[column])

    def all(self, column: str, **values: object) -> list[Name]:
        return [
            self.number(row, column)
            for row in self.rows.values()
            if all(row[name] == value for name, value in values.items())
        ]

    def difference(self, more: Name | None, less: Name | None) -> None:
        """Those of the first who are not among the second are people as well."""
        if more is None or less is None or more == less:
            return
        name = ("difference", more, less)
        self.true[name] = self.true[more] - self.true[less]
        self.attacker.knows_sum(more, [less, name])

    def divisions(self, column: str, by: str | None = None, **whole: str):
        """Each whole that there is, with each way that it is divided into parts."""
        found: dict[tuple, list[Name]] = {}
        for row in self.rows.values():
            if all(row[name] == value for name, value in whole.items()):
                continue
            name = self.number(row, column, **whole)
            if name is not None:
                found.setdefault((name, by and row[by]), []).append(self.number(row, column))
        return [(name, parts) for (name, _), parts in found.items()]

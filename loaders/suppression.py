"""Which numbers of a table of counts an export does not show, so that nobody is told of who is few.

A row of such a table is a *cell*: a day, an app and a country, say. Its numbers stand in groups,
each with the counts of people that it tells (reached a step; entered and did not reach it). A
group is hidden where

1. one of its counts is 1 to 9 (nobody at all is nobody: 0 is shown), or what it builds on is;
2. the cell is part of a whole of which it is hidden: the parts would add up to it; or the whole has
   1 to 9 people more;
3. the parts of a whole that are hidden would, together, again be 1 to 9 people: then the next
   smallest is hidden with them, until they are ten, and so are the zeros beside them.

So what is hidden, taken together, is a cell of at least ten people, in which each hidden count can
be anything from 0 up: see docs/exporting.md. Where the first group of a cell is hidden its row is
left out, so that nobody is told which cells there are.

What the counts, parts and groups of a mart are stands in its yml, under `config: meta: export:`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

FEWEST = 10


@dataclass(frozen=True)
class Parts:
    """Cells that are parts of a whole: those for which `of` holds. The whole has the same cell
    columns but for those in `whole`; without `whole` it stands in no row, but is known. What is
    the same in `by` as well is a division of its own. All values are SQL expressions. Only the
    numbers of `groups` add up, where it is given."""

    of: str
    whole: dict[str, str] = field(default_factory=dict)
    by: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    """Numbers that are shown together or not at all; every SQL expression in `counts` is a number
    of people that they tell. Hidden as well where a group in `after` is, where `hidden_where`
    holds, and in all cells that follow one in the order of `onward`."""

    name: str
    counts: list[str]
    hides: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    hidden_where: str = "false"
    onward: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cells:
    """What a table of counts declares; `only` are the rows that an export shows at all."""

    cell: list[str]
    people: list[Group]
    parts: list[Parts] = field(default_factory=list)
    only: str = "true"
    open: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, declared: dict) -> Cells:
        return cls(
            cell=declared["cell"],
            people=[group for entry in declared["people"] for group in _groups(entry)],
            parts=[Parts(**parts) for parts in declared.get("parts", ())],
            only=declared.get("only", "true"),
            open=declared.get("open", []),
        )


def _groups(entry: dict) -> list[Group]:
    """`each` is short for as many groups of one number that is its own count: of fewer than ten
    answers, fewer than ten people are told."""
    if "each" not in entry:
        return [Group(**entry)]
    rest = {name: value for name, value in entry.items() if name != "each"}
    return [Group(name=name, counts=[name], hides=[name], **rest) for name in entry["each"]]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def mark_hidden(
    con: duckdb.DuckDBPyConnection, table: str, cells: Cells, marked: str
) -> dict[str, str]:
    """Makes the temporary table `marked`: the rows of `table`, and for every group whether it is
    hidden. Returns the name of that column by group. Whole tables are judged, never a range of
    dates, so that a cell has the same fate in every export of a version."""
    flags = {group.name: f"_hidden_{number}" for number, group in enumerate(cells.people)}
    counts = {
        group.name: [f"_count_{number}_{index}" for index in range(len(group.counts))]
        for number, group in enumerate(cells.people)
    }
    reckoned = [
        f"cast(coalesce({expression}, 0) as bigint) as {name}"
        for group in cells.people
        for name, expression in zip(counts[group.name], group.counts, strict=True)
    ]
    reckoned += [f"({group.hidden_where}) as {flags[group.name]}" for group in cells.people]
    con.execute(f"""
        create or replace temporary table {marked} as
        select *, row_number() over () as _cell
        from (select *, {", ".join(reckoned)}, ({cells.only}) as _only from {table})
        where _only
    """)
    for group in cells.people:
        _mark_group(con, marked, cells, group, flags, counts[group.name])
    return flags


def _mark_group(
    con: duckdb.DuckDBPyConnection,
    marked: str,
    cells: Cells,
    group: Group,
    flags: dict[str, str],
    counts: Sequence[str],
) -> None:
    flag = flags[group.name]
    needed = {cells.people[0].name, *group.after} - {group.name}
    few = [f"{name} between 1 and {FEWEST - 1}" for name in counts]
    few += [flags[name] for name in sorted(needed)]
    con.execute(f"update {marked} set {flag} = true where {' or '.join(few)}")
    if not counts:
        return
    divisions = [parts for parts in cells.parts if group.name in (parts.groups or [group.name])]
    steps = [
        _telling_parts(marked, cells, parts, flag, counts) for parts in divisions if parts.whole
    ]
    if group.onward:
        steps.append(_what_follows(marked, cells, group.onward, flag))
    steps += [_complements(marked, cells, parts, flag, counts) for parts in divisions]
    # Each step only ever hides more, so that this ends, and then all of the rules hold.
    before, now = -1, 0
    while now != before:
        before = now
        for step in steps:
            con.execute(f"update {marked} set {flag} = true where _cell in ({step})")
        [now] = con.execute(f"select count(*) from {marked} where {flag}").fetchone()


def _telling_parts(
    marked: str, cells: Cells, parts: Parts, flag: str, counts: Sequence[str]
) -> str:
    """Parts of a hidden whole, and those that are all of it but a few."""
    few = [f"whole.{name} - part.{name} between 1 and {FEWEST - 1}" for name in counts]
    of_whole = [
        f"whole.{quoted(name)} is not distinct from "
        + (f"part.{_whole_name(name)}" if name in parts.whole else f"part.{quoted(name)}")
        for name in cells.cell
    ]
    wholes = "".join(f", {value} as {_whole_name(name)}" for name, value in parts.whole.items())
    return f"""
        select part._cell
        from (select *{wholes} from {marked} where {parts.of}) as part
        inner join {marked} as whole on {" and ".join(of_whole)}
        where not part.{flag} and ({" or ".join([f"whole.{flag}", *few])})
    """


def _whole_name(name: str) -> str:
    return quoted(f"_whole_{name}")


def _what_follows(marked: str, cells: Cells, onward: list[str], flag: str) -> str:
    series = ", ".join(quoted(name) for name in cells.cell if name not in onward)
    return f"""
        select _cell from (
            select _cell, bool_or({flag}) over (
                {f"partition by {series}" if series else ""} order by {", ".join(onward)}
            ) as follows from {marked}
        ) where follows
    """


def _complements(marked: str, cells: Cells, parts: Parts, flag: str, counts: Sequence[str]) -> str:
    key = [parts.whole.get(name, quoted(name)) for name in cells.cell] if parts.whole else []
    family = ", ".join([*key, *parts.by])
    order = ", ".join([flag + " desc", *counts, *(quoted(name) for name in cells.cell)])
    # Hidden ones come first, so that the sum over the rows before is that of what is hidden so far.
    sums = ", ".join(
        f"coalesce(sum({name}) over before_it, 0) as _sum_{index}"
        for index, name in enumerate(counts)
    )
    still_few = " or ".join(
        f"_sum_{index} between 1 and {FEWEST - 1}" for index in range(len(counts))
    )
    return f"""
        select _cell from (
            select _cell, {flag}, {counts[0]}, {sums},
                bool_or({flag} and {counts[0]} > 0) over (partition by {family}) as _has_hidden
            from {marked}
            where {parts.of}
            window before_it as (
                partition by {family} order by {order}
                rows between unbounded preceding and 1 preceding
            )
        ) where not {flag} and _has_hidden and ({counts[0]} = 0 or {still_few})
    """

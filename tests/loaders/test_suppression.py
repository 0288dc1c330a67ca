"""Which numbers are hidden, and that nobody who adds and subtracts can tell them."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.suppression import Cells, mark_hidden
from tests.warehouse.attacker import Attacker

CON = duckdb.connect()  # a new one takes longer than a test
BY_COUNTRY = {
    "cell": ["country"],
    "people": [{"name": "people", "counts": ["people"], "hides": ["people"]}],
    "parts": [{"of": "country <> 'all'", "whole": {"country": "'all'"}}],
}


def hidden_of(declared: dict, columns: str, *rows: tuple) -> list[dict]:
    """The rows, each with the groups of it that are hidden."""
    with CON.cursor() as con:
        values = ", ".join(map(str, rows))
        con.execute(f"create or replace table counts as from (values {values}) as given({columns})")
        cells = Cells.of(declared)
        flags = mark_hidden(con, "counts", cells, "marked")
        found = con.execute("select * from marked order by _cell")
        names = [column[0] for column in found.description]
        marked = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return [
        {name: row[name] for name in cells.cell}
        | {"hidden": {name for name, flag in flags.items() if row[flag]}}
        for row in marked
    ]


def hidden_countries(**people: int) -> str:
    rows = hidden_of(BY_COUNTRY, "country, people", *people.items())
    return " ".join(sorted(row["country"] for row in rows if row["hidden"]))


@pytest.mark.parametrize(
    ("people", "hidden"),
    [
        ({"all": 40, "at": 10, "be": 30}, ""),
        # One alone could be had by subtraction: the next smallest goes with it.
        ({"all": 100, "at": 9, "be": 40, "ch": 51}, "at be"),
        # Two are ten together.
        ({"all": 50, "at": 4, "be": 6, "ch": 40}, "at be"),
        # Two that are nine together are not: what is left over would be nine people.
        ({"all": 100, "at": 4, "be": 5, "ch": 40, "de": 51}, "at be ch"),
        # Nobody is nobody; but beside what is hidden it would tell that it is not one of those.
        ({"all": 40, "at": 0, "be": 40}, ""),
        ({"all": 60, "at": 0, "be": 9, "ch": 11, "de": 40}, "at be ch"),
        # Where people may be in several parts: all of them but two are in the first.
        ({"all": 20, "at": 18, "be": 5, "ch": 5}, "at be ch"),
        ({"all": 28, "at": 18, "be": 10, "ch": 11}, ""),
        # With a small whole all of its parts go.
        ({"all": 9, "at": 0, "be": 9}, "all at be"),
        # Equally small ones go by their names, so that every export hides the same.
        ({"all": 65, "at": 5, "be": 20, "ch": 20, "de": 20}, "at be"),
        ({"all": 65, "de": 20, "ch": 20, "be": 20, "at": 5}, "at be"),
    ],
)
def test_what_is_hidden_is_at_least_ten_together(people, hidden):
    assert hidden_countries(**people) == hidden


def test_who_did_not_is_counted_as_well():
    declared = {
        "cell": ["step"],
        "people": [
            {"name": "entered", "counts": ["entered"], "hides": ["entered"]},
            {
                "name": "reached",
                "counts": ["reached", "entered - reached"],
                "hides": ["reached"],
                "onward": ["step"],
            },
        ],
    }
    rows = hidden_of(declared, "step, entered, reached", (1, 50, 50), (2, 50, 41), (3, 50, 30))
    # At step 3 twenty did not; but that eleven of them went as far as step 2 is told by both.
    assert [row["hidden"] for row in rows] == [set(), {"reached"}, {"reached"}]


def test_what_builds_on_something_hidden_is_hidden():
    declared = {
        "cell": ["day"],
        "people": [
            {"name": "month", "counts": ["mau"], "hides": ["mau"]},
            {"name": "day", "counts": ["dau"], "hides": ["dau"]},
            {"name": "share", "counts": [], "hides": ["stickiness"], "after": ["day", "month"]},
        ],
    }
    rows = hidden_of(declared, "day, mau, dau, stickiness", (1, 50, 5, 0.1), (2, 50, 25, 0.5))
    assert [row["hidden"] for row in rows] == [{"day", "share"}, set()]


# Days of two apps, by country: people, of them new ones, and those of both apps together.
APPS, COUNTRIES = ("a", "b", "c"), ("at", "be", "ch", "de")
BY_APP = {
    "cell": ["app", "country"],
    "only": "app <> 'all' or country = 'all'",
    "parts": [
        {"of": "country <> 'all'", "whole": {"country": "'all'"}},
        {"of": "app <> 'all' and country = 'all'", "whole": {"app": "'all'"}},
    ],
    "people": [
        {"name": "people", "counts": ["people"], "hides": ["people"]},
        {"name": "new", "counts": ["new", "people - new"], "hides": ["new"]},
    ],
}
# Who is there: in which apps, from where, new or not, and how many of the kind.
kinds_of_people = st.lists(
    st.tuples(
        st.sets(st.sampled_from(APPS), min_size=1).map(sorted),
        st.sampled_from(COUNTRIES),
        st.booleans(),
        st.integers(1, 25),
    ),
    min_size=1,
    max_size=24,
)


@settings(max_examples=80, deadline=None)
@given(kinds_of_people)
def test_nobody_can_tell_what_is_hidden(kinds):
    cells: dict[tuple, list[int]] = {}
    for apps, country, is_new, number in kinds:
        for app in (*apps, "all"):
            for place in (country, "all"):
                cell = cells.setdefault((app, place), [0, 0])
                cell[0] += number
                cell[1] += number * is_new
    cut = {
        (app, country): counts
        for (app, country), counts in cells.items()
        if app != "all" or country == "all"
    }
    rows = hidden_of(
        BY_APP, "app, country, people, new", *((*place, *counts) for place, counts in cells.items())
    )
    hidden = {(row["app"], row["country"]): row["hidden"] for row in rows}
    assert set(hidden) == set(cut)

    attacker, true = Attacker(), {}
    for place, (people, new) in cut.items():
        true |= {(place, "people"): people, (place, "new"): new, (place, "old"): people - new}
        attacker.knows_sum((place, "people"), [(place, "new"), (place, "old")])
        for column in ("people", "new"):
            if column not in hidden[place]:
                attacker.is_told((place, column), true[place, column])
    for column in ("people", "new", "old"):
        for app in {app for app, _ in cut if app != "all"}:
            parts = [(place, column) for place in cut if place[0] == app and place[1] != "all"]
            attacker.knows_sum(((app, "all"), column), parts)
        apps = [(place, column) for place in cut if place[0] != "all" and place[1] == "all"]
        attacker.knows_union((("all", "all"), column), apps)
    attacker.thinks()
    for name, value in true.items():
        if 1 <= value <= 9:
            assert attacker.choices(name) >= 10, (name, value, attacker.choices(name))

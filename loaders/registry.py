"""The rules of `seeds/event_registry.csv`, checked before anything is landed or written by it.

A mistake in it rejects events, or checks nothing, without a word; so each is answered with its line
and its column, all at once.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

COLUMNS = [
    "source_app",
    "event_type",
    "event_name",
    "event_category",
    "required_fields",
    "optional_fields",
    "is_activity",
    "is_view",
]
TYPES = {"string", "int", "number", "bool", "json", "list", "timestamp"}
OBJECT_ACTION = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
FIELD = re.compile(
    r"(?P<path>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<type>\w+)"
    r"(?::(?P<least>-?[0-9.]*?)\.\.(?P<most>-?[0-9.]*))?"
)

# Names that are activity under one of their types and not under the other, with the reason.
MIXED_ACTIVITY = {
    ("studyin", "SEARCH_PERFORMED"): "search_query is what the server logs of a search",
}

# What a source file says of a stream that the door may take away or replace.
TAKEN_AWAY = ("user_id", "anonymous_id", "session_id", "user_agent", "ip_address")
TAKEN_AWAY_LISTS = ("free_text", "personal", "urls")

# Apps whose paths the registry spells from their properties on; all others' from the top.
SPELLED_FROM_WITHIN = ("studyin", "sketchychain", "interaction_log")

_SHOWN = 10


class RegistryProblem(Exception):
    """Rows of the registry that cannot be meant; the message names line and column of each."""


def check_registry(registry: Path, sources: Path) -> None:
    found = list(problems(read_registry(registry), read_taken_away(sources)))
    if found:
        more = [f"  … and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise RegistryProblem(
            "\n".join(
                [
                    "seeds/event_registry.csv:",
                    *(f"  {problem}" for problem in found[:_SHOWN]),
                    *more,
                    "Nothing was done. seeds/_seeds.yml explains the columns.",
                ]
            )
        )


def read_registry(registry: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with registry.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if reader.fieldnames != COLUMNS:
                raise RegistryProblem(
                    f"seeds/event_registry.csv: the first line must be {','.join(COLUMNS)}"
                )
            return [(reader.line_num, row) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise RegistryProblem(f"seeds/event_registry.csv: not readable as CSV: {error}") from None


def read_taken_away(sources: Path) -> dict[str, set[str]]:
    """source_app → the fields that may be missing although the app sent them."""
    taken: dict[str, set[str]] = {}
    for file in sources.glob("*.yml"):
        source = yaml.safe_load(file.read_text("utf-8"))
        paths = taken.setdefault(source["source"], set())
        for stream in source["streams"].values():
            if stream["kind"] != "events":
                continue
            for key in (*TAKEN_AWAY, *TAKEN_AWAY_LISTS):
                value = stream.get(key) or []
                for path in [value] if isinstance(value, str) else value:
                    paths.add(_spelled(source["source"], path))
    return taken


def _spelled(source_app: str, path: str) -> str:
    """The path as the registry spells it."""
    return path.rpartition(".")[2] if source_app in SPELLED_FROM_WITHIN else path


def problems(
    registry: list[tuple[int, dict[str, str]]], taken_away: dict[str, set[str]]
) -> Iterator[str]:
    """Each broken rule as a sentence that names the line and the column."""
    line_of_type: dict[tuple[str, str], int] = {}
    category_of_name: dict[str, tuple[int, str]] = {}
    activity_of_name: dict[tuple[str, str], tuple[int, str]] = {}

    for line, row in registry:

        def at(column: str, problem: str, line: int = line) -> str:
            return f"line {line}, {column}: {problem}"

        app, name = row["source_app"], row["event_name"]
        for column in COLUMNS:
            if row[column] is None:
                yield at(column, "is missing")
            elif row[column] != " ".join(row[column].split()):
                yield at(column, "has a space too many")
        if None in row:
            yield at("is_view", "more follows: separate fields with spaces, not commas")
        if None in row.values():
            continue

        if app not in taken_away:
            yield at("source_app", f"loaders/sources/{app}.yml is not there")
        if not row["event_type"]:
            yield at("event_type", "is empty")
        if not OBJECT_ACTION.fullmatch(name):
            yield at("event_name", f"{name!r} is not of the shape OBJECT_ACTION")
        if not re.fullmatch(r"[A-Z]+(_[A-Z]+)*", row["event_category"]):
            yield at("event_category", f"{row['event_category']!r} is not in capitals")
        for column in ("is_activity", "is_view"):
            if row[column] not in ("true", "false"):
                yield at(column, f"{row[column]!r} is neither true nor false")
        if row["is_view"] == "true" and row["is_activity"] == "false":
            yield at("is_view", "who sees something does something: is_activity has to be true")

        key = (app, row["event_type"].lower())
        first = line_of_type.setdefault(key, line)
        if first != line:
            yield at("event_type", f"{row['event_type']!r} stands in line {first} already")

        first, category = category_of_name.setdefault(name, (line, row["event_category"]))
        if category != row["event_category"]:
            yield at("event_category", f"{name} is {category} in line {first}")

        first, activity = activity_of_name.setdefault((app, name), (line, row["is_activity"]))
        if activity != row["is_activity"] and (app, name) not in MIXED_ACTIVITY:
            yield at("is_activity", f"{name} is {activity} in line {first}")

        seen: set[str] = set()
        for column in ("required_fields", "optional_fields"):
            for text in row[column].split():
                field = FIELD.fullmatch(text)
                if not field:
                    yield at(column, f"{text!r} is not path:type or path:type:least..most")
                    continue
                least, most = field["least"], field["most"]
                if field["least"] is not None and field["type"] not in ("int", "number"):
                    yield at(column, f"{text!r}: only numbers have a least and a most")
                if least and most and float(least) > float(most):
                    yield at(column, f"{text!r}: the least is more than the most")
                path = field["path"]
                if field["type"] not in TYPES:
                    yield at(
                        column, f"{text!r}: the type must be one of {', '.join(sorted(TYPES))}"
                    )
                if path in seen:
                    yield at(column, f"{path} is named twice")
                seen.add(path)
                if column == "required_fields" and path in taken_away.get(app, ()):
                    yield at(column, f"{path} can be taken away at the door: make it optional")

"""Every event type of the registry occurs, and the simulator sends none that it does not know."""

import csv
from pathlib import Path

from simulator.parameters import APPS
from tests.simulator.landed_files import events_of

REGISTRY = Path(__file__).parents[2] / "seeds" / "event_registry.csv"
TYPE_KEYS = {"academy": "eventType", "interaction_log": "action"}


def _registry() -> dict[str, list[dict]]:
    by_source: dict[str, list[dict]] = {}
    with REGISTRY.open(newline="") as file:
        for row in csv.DictReader(file):
            by_source.setdefault(row["source_app"], []).append(row)
    return {app: by_source[app] for app in APPS}  # what else is registered is an app of yours


def _value(record: dict, field: str):
    """A registry field: a path, or a name to be found on top or in the nests."""
    places = [record, record.get("properties") or {}, record.get("details") or {}]
    for place in places:
        value = place
        for key in field.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


def test_every_registered_type_occurs_and_no_other(clean_world):
    for source, rows in _registry().items():
        sent = {
            record[TYPE_KEYS.get(source, "event_type")].lower()
            for record in events_of(clean_world.landing, source)
        }
        assert sent == {row["event_type"].lower() for row in rows}, source


def test_clean_events_have_their_required_fields(clean_world):
    for source, rows in _registry().items():
        required = {
            row["event_type"].lower(): [f.split(":") for f in row["required_fields"].split()]
            for row in rows
        }
        for record in events_of(clean_world.landing, source):
            kind = record[TYPE_KEYS.get(source, "event_type")].lower()
            for name, kind_of_value, *_ in required[kind]:
                value = _value(record, name)
                assert value is not None, (source, kind, name)
                if kind_of_value == "int":
                    assert isinstance(value, int)
                    assert not isinstance(value, bool)
                if kind_of_value == "bool":
                    assert isinstance(value, bool)

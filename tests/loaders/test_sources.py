"""A source is a file: checked when it is read, with messages that name file and field; and a new
one lands without a line of Python."""

from __future__ import annotations

import hashlib
import shutil
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from loaders.ledger import WarehouseProblem
from loaders.privacy import Keyring, load_secret
from loaders.sources import SOURCES_FOLDER, SourceProblem, load_sources

# Invented: an app for bird watchers, unlike the other four wherever a source file lets it be.
BIRDS = """
source: birds
timezone: Asia/Kathmandu
consent: {path: privacy.analytics, default: anonymous}
user_id_hash: sha256
refused:
  passwords: never
streams:
  sightings:
    kind: events
    layouts: [lines]
    batch: seen
    event_id: ref.no
    event_type: what.kind
    occurred_at: [when.observed, when.sent]
    received_at: when.sent
    user_id: who.member
    anonymous_id: who.phone_id
    session_id: who.walk
    ip_address: net.ip
    country: place.country
    user_agent: net.agent
    app_version: app
    columns:
      bird_id: [what.bird, bird]
      flock_size: {path: what.flock, type: integer}
      distance: {path: what.distance, type: number}
      is_rare: {path: what.rare, type: boolean}
      set_out_at: {path: when.set_out, type: timestamp}
      weather: {path: place.weather, type: json}
      note: {path: note, type: free_text}
      companion_key: {path: who.companion, type: key, purpose: user}
    free_text: [place.description]
    personal: [who.nickname]
    urls: [photo]
  birds:
    kind: entities
    layouts: [lines, array]
    key: [bird_id]
    columns:
      bird_id: id
      found_by_keys: {path: found_by, type: user_keys}
"""
EVENT = {
    "ref": {"no": 17},
    "what": {"kind": "sighted", "bird": "heron", "flock": 3, "distance": 12.5, "rare": True},
    "when": {"observed": "2026-03-02T15:00:04", "sent": 1772442999},
    "who": {
        "member": "member-ada-1",
        "phone_id": "phone-ada-1",
        "walk": "walk-ada-1",
        "nickname": "Ada of the Marsh",
        "companion": "member-bob-1",
    },
    "net": {"ip": "::ffff:203.0.113.77", "agent": "Firefox/125.0 (X11; Linux x86_64)"},
    "place": {"country": "np", "weather": {"rain": False}, "description": "by ada@example.org"},
    "privacy": {"analytics": True},
    "app": "4.1.7.20",
    "note": "ring +1 212 555 0147",
    "photo": "https://example.org/p/1?token=x",
    "extra": {"a": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(SOURCES_FOLDER, tmp_path / "sources")
    (tmp_path / "sources" / "birds.yml").write_text(BIRDS)
    return tmp_path / "sources"


def test_the_projects_own_sources_are_read():
    assert set(load_sources()) >= {"academy", "studyin", "sketchychain", "interaction_log"}


class TestAFifthSource:
    def test_every_field_finds_its_place(self, door, folder):
        outcome = door.land_only("birds/sightings/a", [EVENT], sources=load_sources(folder))
        assert (outcome.status, outcome.landed) == ("loaded", 1)
        [row] = door.rows("birds/sightings")
        ring = Keyring(load_secret())

        def key(kind: str, text: str, hashed: bool = False):
            return ring.column(kind, "birds", hashed)[text]

        expected = {
            "event_id": "17",
            "event_type": "sighted",
            "occurred_at": datetime(2026, 3, 2, 9, 15, 4),  # 15:00:04 in Nepal
            "received_at": datetime(2026, 3, 2, 9, 16, 39),
            "consent_mode": "full",
            "ip_prefix": "203.0.113.0/24",
            "country": "NP",
            "browser": "Firefox",
            "browser_version": 125,
            "os": "Linux",
            "device_type": "desktop",
            "app_version": "4.1.7",
            "bird_id": "heron",
            "flock_size": 3,
            "distance": 12.5,
            "is_rare": True,
            "set_out_at": None,
            "weather": '{"rain":false}',
            "note": "ring [phone]",
            "properties": '{"extra":{"a":1},"net":{},"photo":"https://example.org/p/1",'
            '"place":{"description":"by [email]"},"privacy":{},"ref":{},"what":{},"when":{},'
            '"who":{}}',
        }
        assert {name: row[name] for name in expected} == expected
        assert row["user_key"].bytes == key("user", "member-ada-1", True)
        assert row["companion_key"].bytes == key("user", "member-bob-1", True)
        assert row["anonymous_key"].bytes == key("anonymous", "phone-ada-1")
        assert row["client_session_key"].bytes == key("session", "walk-ada-1")

    def test_its_default_of_consent_holds(self, door, folder):
        silent = EVENT | {"privacy": {}}
        door.land_only("birds/sightings/a", [silent], sources=load_sources(folder))
        [row] = door.rows("birds/sightings")
        assert row["consent_mode"] == "anonymous"
        gone = ("user_key", "companion_key", "ip_prefix", "note")
        assert [row[name] for name in gone] == [None] * len(gone)
        assert "marsh" not in str(row).lower()
        assert "by [" not in str(row)

    def test_an_own_id_is_hidden_in_columns_of_every_type(self, door, folder):
        told = EVENT | {
            "note": "I am member-ada-1",
            "app": "member-ada-1",
            "place": {"weather": {"by": "member-ada-1"}, "description": "phone-ada-1 saw it"},
            "extra": {"member-ada-1": ["walk-ada-1", "x/member-ada-1/y"]},
        }
        told["what"] = EVENT["what"] | {"bird": "bird-of-member-ada-1", "flock": "member-ada-1"}
        door.land_only("birds/sightings/a", [told], sources=load_sources(folder))
        assert "ada-1" not in str(door.rows("birds/sightings"))

    def test_its_second_stream_and_what_it_refuses(self, door, folder):
        sources = load_sources(folder)
        studyin = "0b7e0000-0000-4000-8000-000000000001"
        found_by = {"studyin": studyin, "academy": "user-000001", "Birds": "m-1", "x": None}
        door.drop("birds/birds/a", [{"id": "heron", "found_by": found_by}])
        door.drop("birds/passwords/a", [{"id": "heron"}])
        door.drop("birds/nests/a", [{"id": "heron"}])
        outcomes = {outcome.path: outcome for outcome in door.land(sources=sources).outcomes}
        assert outcomes["birds/passwords/a"].reason == "refused_stream: never"
        assert "birds has no stream 'nests'; it has birds, sightings" in (
            outcomes["birds/nests/a"].reason
        )
        ring = Keyring(load_secret())
        [row] = door.rows("birds/birds")
        assert yaml.safe_load(row["found_by_keys"]) == {
            "academy": str(ring.user_key("academy", "user-000001")),
            "birds": str(ring.user_key("birds", hashlib.sha256(b"m-1").hexdigest(), True)),
            "studyin": str(ring.user_key("studyin", studyin, True)),
        }

    def test_an_array_is_read_where_the_stream_says_so(self, door, folder):
        sources = load_sources(folder)
        array = b'[{"id":"heron"}]'
        assert door.land_only("birds/birds/a", array, sources=sources).landed == 1
        outcome = door.land_only("birds/sightings/a", array, sources=sources)
        assert outcome.status == "rejected"
        assert "birds.yml does not name 'array' among the layouts of sightings" in outcome.reason

    def test_a_body_of_several_records(self, door, folder):
        body = {"who": EVENT["who"], "privacy": {"analytics": True}, "ref": {"no": "body"}}
        entries = [
            {"ref": {"no": number}, "what": {"kind": "heard"}, "when": {"sent": 1772442999}}
            for number in (1, 2)
        ]
        door.land_only(
            "birds/sightings/a", [body | {"seen": entries}], sources=load_sources(folder)
        )
        rows = door.rows("birds/sightings")
        assert [(row["item"], row["event_id"]) for row in rows] == [(1, "1"), (2, "2")]
        assert len({row["user_key"] for row in rows}) == 1
        assert rows[0]["user_key"] is not None


class TestChanges:
    def land(self, door, folder, name, birds):
        (folder / "birds.yml").write_text(birds)
        return door.land_only(f"birds/sightings/{name}", [EVENT], sources=load_sources(folder))

    def test_a_column_may_be_added(self, door, folder):
        self.land(door, folder, "a", BIRDS)
        added = BIRDS.replace("      bird_id: [", "      extra_a: extra.a\n      bird_id: [")
        assert added != BIRDS
        changed = self.land(door, folder, "b", added)
        assert changed.status == "already_loaded"  # the same content, under another name
        rows = door.query("select extra_a from raw.birds__sightings")
        assert rows == [(None,)]

    def test_a_columns_type_is_frozen(self, door, folder):
        self.land(door, folder, "a", BIRDS)
        frozen = BIRDS.replace("{path: what.flock, type: integer}", "what.flock")
        (folder / "birds.yml").write_text(frozen)
        message = r"birds\.yml: streams\.sightings\.columns\.flock_size: is varchar, .* as bigint"
        with pytest.raises(WarehouseProblem, match=message):
            door.land(sources=load_sources(folder))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("source: birds", "source: bird", r"source: must be 'birds' like the file's name"),
        ("source: birds\n", "", r"source: must be 'birds'"),
        ("source: birds", "source: [birds", r", line \d+: not readable as YAML"),
        ("timezone: Asia/Kathmandu", "timezone: Asia/Nowhere",
         r"yml: timezone: 'Asia/Nowhere' is no time zone"),
        ("timezone: Asia/Kathmandu\n", "", r"timezone: say which zone"),
        ("user_id_hash: sha256", "user_id_hash: md5", r"user_id_hash: only 'sha256' is known"),
        ("refused:", "refusd:", r"refusd: .* \(is refused meant\?\); known are .*refused"),
        ("default: anonymous", "default: maybe", r"consent\.default: .*not 'maybe'"),
        ("path: privacy.analytics", "path: [7]", r"consent\.path: a path such as"),
        ("kind: events", "kind: event", r"streams\.sightings\.kind: must be 'events' or"),
        ("layouts: [lines]", "layouts: [csv]", r"streams\.sightings\.layouts: .*not 'csv'"),
        ("layouts: [lines]", "layouts: lines", r"streams\.sightings\.layouts: a list of names"),
        ("event_id: ref.no\n", "event_idd: ref.no\n", r"streams\.sightings\.event_idd: is not"),
        ("    event_id: ref.no\n", "", r"streams\.sightings\.event_id: an event stream needs it"),
        ("event_type: what.kind", "event_type: what..kind", r"streams\.sightings\.event_type: a"),
        ("occurred_at: [when.observed, when.sent]", "occurred_at: 7",
         r"streams\.sightings\.occurred_at: a path such as metadata\.userId, not 7"),
        ("type: integer", "type: int", r"streams\.sightings\.columns\.flock_size\.type: one of"),
        ("{path: what.flock, type: integer}", "{type: integer}",
         r"streams\.sightings\.columns\.flock_size\.path: is missing"),
        ("type: key, purpose: user", "type: key",
         r"streams\.sightings\.columns\.companion_key\.purpose: belongs to type 'key'"),
        ("type: key, purpose: user", "type: key, purpose: person",
         r"streams\.sightings\.columns\.companion_key\.purpose: one of .*not 'person'"),
        ("type: boolean", "type: boolean, purpose: user",
         r"streams\.sightings\.columns\.is_rare\.purpose: belongs to type 'key'"),
        ("flock_size:", "FlockSize:", r"streams\.sightings\.columns\.FlockSize: small letters"),
        ("  sightings:", "  Sightings:", r"streams\.Sightings: small letters"),
        ("free_text: [place.description]", "free_text: place.description",
         r"streams\.sightings\.free_text: a list"),
        ("    key: [bird_id]\n", "", r"streams\.birds\.key: an entity stream needs"),
        ("    key: [bird_id]", "    key: [id]", r"streams\.birds\.key: 'id' is not one of"),
        ("  passwords: never", "", r"refused"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_file_and_field(folder, before, after, message):
    assert before in BIRDS
    (folder / "birds.yml").write_text(BIRDS.replace(before, after, 1))
    if message == "refused":  # an empty list of refused streams is no fault
        assert load_sources(folder)["birds"].refused == {}
        return
    with pytest.raises(SourceProblem, match=r"^birds\.yml(, line|: )") as problem:
        load_sources(folder)
    problem.match(message)


@pytest.mark.parametrize(
    "column", ["event_id", "user_key", "load_id", "properties", "received_at", "line"]
)
def test_a_column_may_not_take_the_name_of_another(folder, column):
    taken = BIRDS.replace("      distance:", f"      {column}:")
    (folder / "birds.yml").write_text(taken)
    with pytest.raises(SourceProblem, match=rf"birds\.yml: streams\.sightings\.columns\.{column}"):
        load_sources(folder)


def test_a_key_written_twice_is_found(folder):
    (folder / "birds.yml").write_text(BIRDS.replace("  birds:\n", "  sightings:\n"))
    with pytest.raises(SourceProblem, match=r"birds\.yml.*sightings"):
        load_sources(folder)


def test_a_folder_without_sources_says_so(folder):
    with pytest.raises(SourceProblem, match="no source files"):
        load_sources(folder / "nothing here")


def test_a_source_file_of_another_ending_is_not_overlooked(folder):
    (folder / "birds.yml").rename(folder / "birds.yaml")
    (folder / "cats.yml").write_text(BIRDS.replace("source: birds", "source: cats"))
    with pytest.raises(SourceProblem, match=r"^birds\.yaml: .*\.yml"):
        load_sources(folder)

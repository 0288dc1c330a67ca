"""Consent: full as it is; anonymous without personal fields and free text, with keys that live as
long as the session and cannot be linked beyond it."""

from __future__ import annotations

import pytest

from tests.loaders.records import BROWSER, EVENT_STREAMS, record

CONSENT = {
    "academy/tracking_events": "metadata",
    "studyin/study_events": "properties",
    "sketchychain/events": "metadata",
    "interaction_log/interactions": "metadata",
}
KEYS = ("user_key", "anonymous_key", "client_session_key")


def answering(stream: str, number: int, consent: object, **changes: object) -> dict:
    changed = record(stream, number, **changes)
    bag = CONSENT[stream]
    changed[bag] = dict(changed.get(bag, {})) | {"consent": consent}
    return changed


@pytest.mark.parametrize("stream", EVENT_STREAMS)
class TestEveryApp:
    def test_an_answer_decides(self, door, stream):
        answers = [True, "yes", "granted", 1, None, False, "no", "denied", 0, "perhaps", {}, 7]
        door.land_only(
            f"{stream}/a",
            [answering(stream, number, answer) for number, answer in enumerate(answers)],
        )
        modes = [row["consent_mode"] for row in door.rows(stream)]
        assert modes == ["full"] * 5 + ["anonymous"] * 7  # a word that we do not know is a no

    def test_without_it_there_is_no_person_address_or_unknown_text(self, door, stream):
        bag = CONSENT[stream]
        told = {"ip_address": "203.0.113.77", "unknown": "told in confidence", "n": 7}
        denied = answering(stream, 1, False, **told)
        denied[bag]["unknown"] = ["told in confidence", {"deep": "told in confidence"}]
        door.land_only(f"{stream}/a", [denied, answering(stream, 2, True, **told)])
        without, within = door.rows(stream)
        assert (without["user_key"], without["ip_prefix"]) == (None, None)
        assert within["ip_prefix"] == "203.0.113.0/24"
        assert "confidence" in within["properties"]
        assert "confidence" not in str(without)
        assert '"n":7' in without["properties"]  # numbers tell nobody apart

    def test_a_session_is_one_visit_and_no_other(self, door, stream):
        name = "session_id" if "session_id" in record(stream) else "sessionId"
        sent = [
            answering(stream, 1, False, **{name: "session-one"}),
            answering(stream, 2, False, **{name: "session-one"}),
            answering(stream, 3, False, **{name: "session-two"}),
            answering(stream, 4, True, **{name: "session-one"}),
        ]
        door.land_only(f"{stream}/a", sent)
        first, again, other, full = door.rows(stream)
        assert first["anonymous_key"] == again["anonymous_key"] is not None
        assert first["client_session_key"] == again["client_session_key"] is not None
        keys = [{row[key] for key in KEYS} - {None} for row in (first, other, full)]
        assert not keys[0] & keys[1]  # the same person's next session
        assert not keys[0] & keys[2]  # the same session, kept in full
        assert len(keys[0]) == 2

    def test_without_a_session_each_event_stands_alone(self, door, stream):
        name = "session_id" if "session_id" in record(stream) else "sessionId"
        sent = [answering(stream, number, False, **{name: None}) for number in (1, 2)]
        door.land_only(f"{stream}/a", sent)
        one, two = door.rows(stream)
        assert one["client_session_key"] is two["client_session_key"] is None
        assert one["anonymous_key"] != two["anonymous_key"]
        assert None not in (one["anonymous_key"], two["anonymous_key"])

    def test_every_record_of_a_body_inherits_the_answer(self, door, stream):
        entries = [record(stream, number) for number in (1, 2, 3)]
        for entry in entries:
            entry.pop(CONSENT[stream], None)
        body = {CONSENT[stream]: {"consent": False}, "events": entries}
        door.land_only(f"{stream}/a", [body])
        assert [row["consent_mode"] for row in door.rows(stream)] == ["anonymous"] * 3


def test_declared_free_text_goes_wherever_it_stands(door):
    stream = "academy/tracking_events"
    denied = answering(stream, 1, False, prompt="typed words", unheard={"prompt": "typed words"})
    denied["metadata"] |= {"prompt": "typed words", "action": "execute", "comment": "typed words"}
    door.land_only(f"{stream}/a", [denied])
    [row] = door.rows(stream)
    assert "typed" not in str(row)
    assert '"action":"execute"' in row["properties"]  # a word of the app, not of the person


def test_typed_text_under_any_key_of_interactions(door):
    stream = "interaction_log/interactions"
    typed = dict.fromkeys(("error", "stack", "prompt", "value", "props", "context"), "typed words")
    denied = answering(stream, 1, False, details=typed | {"inner": typed})
    denied["metadata"] |= typed
    door.land_only(f"{stream}/a", [denied])
    assert "typed" not in str(door.rows(stream))


def test_coarse_facts_of_the_client_stay(door):
    stream = "academy/tracking_events"
    denied = answering(stream, 1, False, clientInfo={"userAgent": BROWSER})
    door.land_only(f"{stream}/a", [denied])
    [row] = door.rows(stream)
    assert (row["browser"], row["browser_version"], row["device_type"]) == (
        "Chrome",
        124,
        "desktop",
    )


def test_an_id_made_of_an_identifier_links_nothing(door):
    """Each such id is the same in every session of its person: a key of theirs in disguise."""
    stream = "sketchychain/events"
    user = "painter-canary-1"
    sent = [
        answering(stream, n, False, user_id=user, session_id=f"walk-{n}", sketch_id=f"{user}-own")
        for n in (1, 2)
    ]
    door.land_only(f"{stream}/a", sent)
    assert [row["sketch_id"] for row in door.rows(stream)] == [None, None]


def test_prompts_that_hold_a_persons_id_get_no_key(door):
    stream = "academy/tracking_events"
    denied = answering(stream, 1, False)
    denied["metadata"]["promptId"] = "user-000001-temp"
    full = answering(stream, 2, True)
    full["metadata"]["promptId"] = "user-000001-temp"
    door.land_only(f"{stream}/a", [denied, full])
    without, within = door.rows(stream)
    assert without["prompt_id"] is None
    assert within["prompt_id"] is not None

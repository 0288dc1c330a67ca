"""Records become columns: what is lifted, what is judged, what is hidden; and the quick ways over
a whole chunk give what the slow way gives for each record alone."""

from __future__ import annotations

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders import shaping
from loaders.privacy import PERSONAL_KEYS, Keyring
from loaders.sources import load_sources
from tests.loaders.records import BROWSER, academy, record, shaped, to_json

SECRET = b"0123456789abcdef0123456789abcdef"
SOURCES = load_sources()
RING = Keyring(SECRET)


def shape(stream: str, records: list[dict]) -> tuple[list[dict], list[str]]:
    """(the rows, the reasons of what was put aside)"""
    source, _, name = stream.partition("/")
    batch, found = shaped(list(map(to_json, records)), SOURCES[source].streams[name], RING)
    return batch.to_pylist(), [fault.reason for fault in found.faults]


def event(**changes: object) -> dict:
    [row] = shape("academy/tracking_events", [academy(1, **changes)])[0]
    return row | {"properties": orjson.loads(row["properties"])}


# ── structure ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, "missing_id"),
        ({"id": ""}, "missing_id"),
        ({"id": "   "}, "missing_id"),
        ({"id": True}, "missing_id"),
        ({"id": 1.5}, "missing_id"),
        ({"id": ["x"]}, "missing_id"),
        ({"id": {}}, "missing_id"),
        ({"eventType": None}, "missing_type"),
        ({"eventType": ""}, "missing_type"),
        ({"eventType": " "}, "missing_type"),
        ({"eventType": 7}, "missing_type"),
        ({"timestamp": None}, "missing_time"),
        ({"timestamp": "yesterday"}, "bad_time"),
        ({"timestamp": "2026-02-30T09:15:04Z"}, "bad_time"),
        ({"timestamp": "2026-03-02T24:00:00Z"}, "bad_time"),
        ({"timestamp": "2026-12-31T23:59:60Z"}, "bad_time"),
        ({"timestamp": "infinity"}, "bad_time"),
        ({"timestamp": "294247-01-10T04:00:54Z"}, "bad_time"),
        ({"timestamp": {}}, "bad_time"),
        ({"timestamp": "0001-01-01T00:00:00Z"}, "time_out_of_range"),
        ({"timestamp": "1999-12-31T23:59:59Z"}, "time_out_of_range"),
        ({"timestamp": "2100-01-01T00:00:00Z"}, "time_out_of_range"),
    ],
)
def test_an_event_has_an_id_a_type_and_a_time(changes, reason):
    # Whoever shares its chunk changes nothing.
    for company in ([], [academy(2)], [academy(2, id=7)], [academy(2, id=None)]):
        rows, reasons = shape("academy/tracking_events", [academy(1, **changes), *company])
        assert reasons[0] == reason
        assert len(rows) + len(reasons) == 1 + len(company)


@pytest.mark.parametrize(
    "changes",
    [{"eventType": "NEVER_HEARD_OF"}, {"eventCategory": None}, {"courseId": 7}, {"moduleId": []},
     {"prompt": None}, {"metadata": None}, {"metadata": {}}],
)  # fmt: skip
def test_what_it_means_is_not_judged_at_the_door(changes):
    assert shape("academy/tracking_events", [academy(1, **changes)])[1] == []


@pytest.mark.parametrize(
    ("stream", "changes", "reason"),
    [
        ("academy/users", {"id": None}, "missing_id"),
        ("academy/users", {"id": "undefined"}, "missing_id"),
        ("academy/users", {"createdAt": "then"}, "bad_time"),
        ("academy/prompts", {"version": 1.5}, "bad_value"),
        ("academy/prompts", {"version": "1"}, "bad_value"),
        ("academy/prompts", {"version": True}, "bad_value"),
        ("academy/prompts", {"version": 2**63}, "bad_value"),
        ("academy/prompts", {"isFavorite": 1}, "bad_value"),
        ("sketchychain/sketches", {"complexity_score": "high"}, "bad_value"),
    ],
)
def test_an_extracts_row_has_its_key_and_its_types(stream, changes, reason):
    assert shape(stream, [record(stream, 1, **changes)])[1] == [reason]


def test_big_integers_stay_exact_in_columns_and_properties():
    row = event(metadata={"n": 9007199254740993, "most": 2**64 - 1, "least": -(2**63)})
    assert row["properties"]["metadata"] == {"n": 2**53 + 1, "most": 2**64 - 1, "least": -(2**63)}
    [row], _ = shape("academy/example_prompts", [{"id": "e", "useCount": 9007199254740993}])
    assert row["use_count"] == 9007199254740993


def test_types_that_do_not_fit_stay_readable_for_dbt_to_judge():
    row = event(courseId={"a": 1}, metadata={"timestamp": "soon"}, moduleId=7)
    assert (row["course_id"], row["module_id"], row["client_sent_at"]) == (None, "7", None)
    assert row["properties"]["courseId"] == {"a": 1}
    assert row["properties"]["metadata"] == {"timestamp": "soon"}


def test_hostile_keys_stay_data():
    keys = ["", "; drop table raw.load_ledger", "a'b", 'c"d', "d\ne", "$", "__proto__", "a.b", "é"]
    row = event(metadata=dict.fromkeys(keys, 1))
    assert row["properties"]["metadata"] == dict.fromkeys(keys, 1)


def test_the_first_path_that_holds_a_value_wins_and_the_others_are_gone():
    old = record("studyin/study_events", 1, question_id=None)
    old["properties"] |= {
        "question_id": "q-9",
        "user_id": "user-other-9",
        "session_id": "s-other-9",
    }
    [row], _ = shape("studyin/study_events", [old])
    assert row["question_id"] == "q-9"
    assert "other-9" not in str(row)


def test_a_stored_row_has_created_at_alone():
    stored = academy(1, timestamp=None, createdAt="2026-03-02T10:00:00Z")
    [row], _ = shape("academy/tracking_events", [stored])
    assert (str(row["occurred_at"]), row["received_at"]) == ("2026-03-02 10:00:00", None)
    both = academy(1, createdAt="2026-03-02T10:00:00Z")
    [row], _ = shape("academy/tracking_events", [both])
    assert str(row["received_at"]) == "2026-03-02 10:00:00"


def test_a_bag_as_text_is_read_as_the_bag():
    def as_text(**metadata):
        return event(metadata=orjson.dumps(metadata).decode())

    bag = {"anonymousId": "anon-1", "action": "execute", "x": {"y": 1}}
    assert as_text(**bag) == event(metadata=bag)


@pytest.mark.parametrize(
    "bag",
    ['{"anonymousId":"anon-secret-1"', '{"anonymousId":"anon-secret-1","a":NaN}',
     ' {"anonymousId":"anon-secret-1"}', [{"anonymousId": "anon-secret-1"}],
     '[{"anonymousId":"anon-secret-1"}]', '"anon-secret-1"'],
)  # fmt: skip
def test_a_bag_that_cannot_be_read_keeps_no_identifier(bag):
    rows, _ = shape("academy/tracking_events", [academy(1, metadata=bag)])
    assert "anon-secret-1" not in str(rows)


# ── people ────────────────────────────────────────────────────────────────────────────────────


def test_a_visitors_id_in_the_users_place_is_a_device():
    signed_in = event()
    visitor = event(userId="anon-000001")
    told = event(userId="visitor-17", metadata={"isAuthenticated": False})
    assert signed_in["user_key"] is not None
    for row in (visitor, told):
        assert row["user_key"] is None
        assert row["anonymous_key"] is not None
    assert visitor["anonymous_key"] == signed_in["anonymous_key"]


def test_words_instead_of_ids_are_nobody_and_noted():
    row = event(userId="undefined", sessionId="", metadata={"anonymousId": 1.5})
    assert (row["user_key"], row["anonymous_key"], row["client_session_key"]) == (None, None, None)
    assert row["blocked_identifiers"] == "user=undefined,anonymous=float,session=empty"


def test_numbers_and_texts_are_one_person():
    assert event(userId=123456)["user_key"] == event(userId=" 123456 ")["user_key"]


@pytest.mark.parametrize(
    "user", ["user-canary-1", "u-17", 4711, 47114711, "größe-日本-1", 'a"b\\c1']
)
@pytest.mark.parametrize(
    "hidden",
    [
        lambda user: {"metadata": {"by": user}},
        lambda user: {"metadata": {"by": str(user)}},
        lambda user: {"metadata": {"deep": [{"er": [user]}]}},
        lambda user: {"metadata": {str(user): 1}},
        lambda user: {"moduleId": str(user)},
        lambda user: {"eventCategory": str(user)},
        lambda user: {"eventType": str(user)},
        lambda user: {"id": str(user)},
        lambda user: {"prompt": str(user)},
        lambda user: {"metadata": orjson.dumps({"by": user}).decode()},
        lambda user: {"metadata": {"action": str(user)}},
    ],
)
def test_an_own_id_is_hidden_wherever_else_it_stands(user, hidden):
    # A short number can be anything; as text it is looked for.
    row = event(userId=user, **hidden(user if len(str(user)) > 4 else str(user)))
    [clean], _ = shape("academy/tracking_events", [academy(1, userId=user)])
    assert row["user_key"] == clean["user_key"]
    written = str(user)
    for name, value in row.items():
        # As a whole value or key; inside of other words only ids that are long enough are sought.
        assert written not in _strings(value), name


@pytest.mark.parametrize("role", ["userId", "sessionId", "anonymousId"])
def test_a_long_id_is_hidden_inside_of_other_words_too(role):
    own = "canary-12345678"
    metadata = {"path": f"/people/{own}/home", "note": f"[{own}]", "n": [f"{own}{own}"]}
    changes = {"metadata": metadata, "moduleId": f"module-of-{own}", "id": f"event-of-{own}"}
    if role == "anonymousId":
        metadata[role] = own
    else:
        changes[role] = own
    row = event(prompt=f"I am {own}", **changes)
    assert own not in str(row)
    assert row["properties"]["metadata"]["path"].startswith("/people/[")


def test_in_the_apps_own_client_facts_too():
    own = "painter-12345678"
    facts = dict.fromkeys(("browser", "version", "os", "device_type"), f"x {own}")
    metadata = {"platform_info": facts, "app_version": own}
    changed = record("sketchychain/events", 1, user_id=own, metadata=metadata)
    assert own not in str(shape("sketchychain/events", [changed])[0])


@pytest.mark.parametrize(
    ("stream", "changes"),
    [
        ("academy/prompts", {"promptText": "I am own-12345678", "x": {"p": "/u/own-12345678"}}),
        ("academy/anonymous_tracking_profiles", {"metadata": {"p": "/u/own-12345678"}}),
        ("academy/anonymous_tracking_profiles", {"id": "profile-own-12345678"}),
        ("academy/users", {"id": "own-12345678", "avatar": "/img/own-12345678.png"}),
        ("academy/user_identity_mappings", {"x": "own-12345678"}),
    ],
)
def test_in_extracts_too(stream, changes):
    rows, reasons = shape(stream, [record(stream, 1, userId="own-12345678") | changes])
    assert len(rows) == 1
    assert reasons == []
    assert "own-12345678" not in str(rows)


def test_a_prompts_id_that_holds_a_persons_is_hidden_with_it():
    own = {"id": "user-canary-1-temp-e1", "promptId": "user-canary-1-temp"}
    assert "canary" not in str(shape("academy/prompt_evaluations", [own])[0])


def test_a_second_user_agent_is_no_property():
    agents = {"details": {"userAgent": BROWSER}, "metadata": {"userAgent": BROWSER + " x"}}
    [row], _ = shape(
        "interaction_log/interactions", [record("interaction_log/interactions", 1, **agents)]
    )
    assert "Mozilla" not in str(row)
    assert (row["browser"], row["browser_version"]) == ("Chrome", 124)


def test_names_are_personal_at_any_depth():
    deep = record("academy/users", 1, profile={"name": "Ada Qx", "email": "x", "age": 7})
    [row], _ = shape("academy/users", [deep])
    assert orjson.loads(row["properties"]) == {"profile": {"age": 7}}


@pytest.mark.parametrize("key", [
    "_name", "_email", "pass_word", "sur_name", "last__name", "e-mail", "Date-Of-Birth", "ssn",
    "accessToken", "ID_TOKEN", "user_name", "tele_phone", "home_address", "Credit-Card",
])  # fmt: skip
def test_keys_that_name_personal_data_go_with_their_values(key):
    # In a record that gives no other reason to look twice.
    plain = {"eventType": "PAGE_VIEW", "prompt": None, "clientInfo": None}
    row = event(**plain, metadata={key: "x", "kept": 1}, userId=None, sessionId=None)
    assert row["properties"]["metadata"] == {"kept": 1}


@pytest.mark.parametrize("number", [4111111111111111, 378282246310005])
def test_a_card_as_a_number_is_a_card(number):
    assert str(number) not in str(event(metadata={"n": number, "list": [number]}))


# ── the quick ways ────────────────────────────────────────────────────────────────────────────

personal = st.sampled_from(
    ["ada@example.org", "ada%40example.org", "+1 212 555 0147", "2125550147", "4111111111111111",
     "203.0.113.77", "2001:db8::7:77", "(212) 555-0147", "user-000001", "user-canary-1", "7"]
)  # fmt: skip
plain = st.sampled_from(
    ["", "execute", "a b", "2026-03-02T09:15:04Z", "1.2.3", "x\ny", 'q"\\', "日本"]
)
texts = st.lists(personal | plain, min_size=1, max_size=3).map(" ".join) | personal | plain
broken_up = st.builds(
    lambda key, where, sign: key[:where] + sign + key[where:],
    st.sampled_from(sorted(PERSONAL_KEYS)), st.integers(0, 8), st.sampled_from(["", "_", "-"]),
)  # fmt: skip
keys = (
    st.sampled_from(["action", "path", "prompt", "note", "referrer", "score", "Name", "EMAIL", ""])
    | broken_up
    | broken_up.map(str.title)
    | personal
)
values = st.recursive(
    texts | st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
bags = st.dictionaries(keys, values, max_size=4)
identifiers = st.sampled_from(
    ["user-000001", "user-canary-1", "7", 7, 47114711, None, "", "undefined", " user-000001 ", 1.5]
)
consents = st.sampled_from([None, True, False, "yes", "no", "false", 1, 0, {}])


@st.composite
def events(draw) -> dict:
    changes = {
        "id": draw(st.sampled_from(["evt-1", "evt-2", 7, "7", " ", "", None, "ada@example.org"])),
        "eventType": draw(st.sampled_from(["PAGE_VIEW", "PAGE_VIEW", "user-canary-1", "", None])),
        "timestamp": draw(
            st.sampled_from(
                ["2026-03-02T09:15:04Z", "2026-03-02 09:15:04", 1772442904, None, "x",
                 "0000-01-01T00:00:00Z", "1999-01-01T00:00:00Z"]
            )
        ),
        "userId": draw(identifiers),
        "sessionId": draw(identifiers),
        "courseId": draw(texts | st.none() | st.integers(0, 9) | bags),
        "prompt": draw(texts | st.none() | values),
        "metadata": draw(
            st.builds(
                lambda bag, device, consent, promise, time: bag
                | {"anonymousId": device, "consent": consent, "isAuthenticated": promise}
                | {"timestamp": time},
                bags, identifiers, consents, st.sampled_from([True, False, None, "false"]),
                st.sampled_from([None, "2026-03-02T09:15:04Z", "0000-01-01T00:00:00Z", "x", 7]),
            )
            | bags
            | values
        ),
        "ip_address": draw(st.sampled_from([None, "203.0.113.77", "x", 7])),
        "clientInfo": draw(st.sampled_from([None, {"userAgent": BROWSER}, {"userAgent": 7}, "x"])),
    }  # fmt: skip
    return academy(1) | changes | draw(bags)


@given(st.lists(events(), max_size=5))
def test_a_chunk_is_its_records_one_by_one(records):
    together, faults = shape("academy/tracking_events", records)
    alone, faults_alone = [], []
    for line, entry in enumerate(records, 1):
        rows, reasons = shape("academy/tracking_events", [entry])
        alone += [row | {"line": line} for row in rows]
        faults_alone += reasons
    assert together == alone
    assert faults == faults_alone


@given(st.lists(events(), max_size=5))
def test_what_was_not_looked_at_twice_needed_no_second_look(records):
    quick = shape("academy/tracking_events", records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shaping, "_LOOK_AGAIN", "")  # which every text matches
        assert shape("academy/tracking_events", records) == quick


@given(st.lists(st.dictionaries(keys, values, max_size=4), max_size=3))
def test_rows_are_of_the_types_that_the_table_has(bags_of_extras):
    for name, stream in SOURCES["academy"].streams.items():
        extras = [record(f"academy/{name}", n) | bag for n, bag in enumerate(bags_of_extras)]
        batch, found = shaped(list(map(to_json, extras)), stream, RING)
        assert batch.schema == shaping.arrow_schema(stream)
        assert batch.schema.field("properties").type == pa.json_(pa.string())
        assert batch.num_rows + len(found.faults) == len(extras)


def _strings(value: object) -> set[str]:
    """Every string and key within a value, JSON texts included."""
    if isinstance(value, dict):
        parts = [_strings(key) | _strings(entry) for key, entry in value.items()]
        return set().union(*parts)
    if isinstance(value, list):
        return set().union(*map(_strings, value))
    return {str(value)} if isinstance(value, str | int) and not isinstance(value, bool) else set()


class TestThingsOfPeople:
    """A sketch has one maker: without consent its id must not lead from session to session."""

    def rows(self, *records: dict) -> list[dict]:
        return shape("sketchychain/events", list(records))[0]

    def event(self, number: int, session: str, consent: bool) -> dict:
        made = record("sketchychain/events", number, session_id=session, sketch_id="sketch-77")
        return made | {"metadata": {"consent": consent}, "properties": {"prompt_id": "prompt-55"}}

    def test_within_a_session_they_are_told_apart_and_beyond_it_not(self):
        one, same, other = self.rows(
            self.event(1, "session-a", False),
            self.event(2, "session-a", False),
            self.event(3, "session-b", False),
        )
        assert one["sketch_id"] == same["sketch_id"] != other["sketch_id"]
        assert one["prompt_id"] == same["prompt_id"] != other["prompt_id"]
        assert "sketch-77" not in str([one, same, other])
        assert "prompt-55" not in str([one, same, other])

    def test_with_consent_they_are_as_they_were_sent(self):
        [row] = self.rows(self.event(1, "session-a", True))
        assert (row["sketch_id"], row["prompt_id"]) == ("sketch-77", "prompt-55")


def test_the_user_in_a_temporary_id_is_hidden_elsewhere():
    [row], _ = shape(
        "academy/prompt_results",
        [{"id": "r-1", "promptId": "user-c4n4ry-9-temp", "resultText": "Dear user-c4n4ry-9, well"}],
    )
    assert "c4n4ry" not in str(row)
    assert row["result_text"] == "Dear [user], well"

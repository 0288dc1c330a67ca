"""What is a record: strict JSON, line by line. The quick way must judge as an obvious slow one."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.checking import MAX_DEPTH, Records, check_lines

LIMIT = 100_000


def check(lines: list[bytes], first: int = 1, limit: int = LIMIT, *batch: object):
    """What `check_lines` found, and the records that it gave away."""
    records: list[dict] = []
    found = check_lines(lines, first, limit, records.append, *batch)
    return SimpleNamespace(records=records, **{k: getattr(found, k) for k in Records.__slots__})


def judge(line: bytes) -> str | dict:
    """The record, or the reason why it is none."""
    found = check([line])
    assert len(found.records) + len(found.faults) + found.blank_count == found.line_count == 1
    if found.faults:
        return found.faults[0].reason
    return found.records[0] if found.records else "blank"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a":1', "bad_json"),  # cut by a crash
        (b'{"a":{"b":1}', "bad_json"),
        (b"{not json}", "bad_json"),
        (b"GET / HTTP/1.1", "bad_json"),
        (b'{"a":1,}', "bad_json"),
        (b'{"a":[1,]}', "bad_json"),
        (b'{"a":1}{"b":2}', "bad_json"),
        (b'{"a":1} {"b":2}', "bad_json"),
        (b"{'a':1}", "bad_json"),
        (b'{"a":01}', "bad_json"),
        (b'{"a":"tab\there"}', "bad_json"),
        (b'{"a":"nul\x00here"}', "bad_json"),
        (b"\x00" * 40, "bad_json"),  # a sparse hole after a crash
        (b"7", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"null", "not_an_object"),
        (b"true", "not_an_object"),
        (b'[{"a":1}]', "not_an_object"),
        (b'{"a":1,"a":1}', "duplicate_key"),
        (b'{"a":1,"a":2}', "duplicate_key"),
        (b'{"a":{"b":1,"b":1}}', "duplicate_key"),
        (b'{"a":[{"b":1,"b":2}]}', "duplicate_key"),
        (b'{"a":1,"\\u0061":2}', "duplicate_key"),  # the same key, once escaped
        (b'{"a":NaN}', "not_finite"),
        (b'{"a":Infinity}', "not_finite"),
        (b'{"a":-Infinity}', "not_finite"),
        (b'{"a":1e999}', "number_out_of_range"),
        (b'{"a":-1e999}', "number_out_of_range"),
        (b'{"a":18446744073709551616}', "number_out_of_range"),
        (b'{"a":-9223372036854775809}', "number_out_of_range"),
        (b'{"a":' + b"9" * 5_000 + b"}", "number_out_of_range"),
        (b'{"a":"caf\xe9"}', "bad_utf8"),
        (b'{"a":"\xed\xa0\x80"}', "bad_utf8"),  # a surrogate, encoded
        (b'{"a":"\xc0\xaf"}', "bad_utf8"),  # an overlong slash
        (b'{"caf\xe9":1}', "bad_utf8"),
        (b'{"a":"\\ud800"}', "lone_surrogate"),
        (b'{"\\udc00":1}', "lone_surrogate"),
        (b'{"a":"\\u0000"}', "nul_character"),
        (b'{"a":["x",{"b":"y\\u0000"}]}', "nul_character"),
        (b'{"\\u0000":1}', "nul_character"),
        (b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "too_deep"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "too_deep"),
        (b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", "too_deep"),
        (b" \t ", "blank"),
        (b"", "blank"),
        (b"\r", "blank"),
    ],
)
def test_what_is_no_record_has_a_reason(line, reason):
    assert judge(line) == reason


@pytest.mark.parametrize(
    ("line", "record"),
    [
        (b"{}", {}),
        (b' {"a" : 1} ', {"a": 1}),
        (b'{"a":9007199254740993}', {"a": 9007199254740993}),
        (b'{"a":9223372036854775807}', {"a": 2**63 - 1}),
        (b'{"a":-9223372036854775808}', {"a": -(2**63)}),
        (b'{"a":18446744073709551615}', {"a": 2**64 - 1}),
        (b'{"a":1.50}', {"a": 1.5}),
        (b'{"a":1e3}', {"a": 1000.0}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a":"\\\\u0000"}', {"a": "\\u0000"}),  # a backslash and a word, no NUL
        ('{"a":"one\u2028line\x85"}'.encode(), {"a": "one\u2028line\x85"}),
        (b'{"":1,"; drop table x":2,"a\'b":3,"c\\"d":4}',
         {"": 1, "; drop table x": 2, "a'b": 3, 'c"d': 4}),
        (b'{"a":1,"A":2}', {"a": 1, "A": 2}),
    ],
)  # fmt: skip
def test_what_is_a_record_is_kept_as_it_is(line, record):
    assert judge(line) == record
    assert [type(value) for value in judge(line).values()] == list(map(type, record.values()))


def test_depth_is_allowed_up_to_what_can_be_written():
    def nested(depth: int) -> bytes:
        return b'{"a":' * depth + b"1" + b"}" * depth

    assert type(judge(nested(MAX_DEPTH))) is dict
    assert judge(nested(MAX_DEPTH + 1)) == "too_deep"


def test_the_limit_counts_bytes_and_names_the_line():
    def line_of(length: int) -> bytes:
        return b'{"a":"' + b"x" * (length - 8) + b'"}'

    found = check([line_of(99), line_of(100), line_of(101), b"{}"], 7, 100)
    assert found.lines == [7, 8, 10]
    [fault] = found.faults
    assert (fault.line, fault.reason, fault.length) == (9, "too_long", 101)


def test_faults_and_blanks_leave_their_neighbours_alone():
    found = check([b'{"a":1}', b"oops", b"", b'{"a":2}', b"[]", b'{"a":3}'])
    assert [record["a"] for record in found.records] == [1, 2, 3]
    assert (found.lines, found.items) == ([1, 4, 6], [1, 1, 1])
    assert [(fault.line, fault.reason) for fault in found.faults] == [
        (2, "bad_json"),
        (5, "not_an_object"),
    ]
    assert (found.line_count, found.blank_count) == (6, 1)


class TestBodies:
    """`{"events": […]}`: a record an entry, which inherits what stands beside the list."""

    def unpack(self, *lines: bytes):
        return check(list(lines), 1, LIMIT, "events", frozenset({"id"}))

    def test_entries_inherit_and_overrule(self):
        found = self.unpack(b'{"id":"body","app":"x","events":[{"id":1},{"id":2,"app":"y"},{}]}')
        assert found.records == [{"id": 1, "app": "x"}, {"id": 2, "app": "y"}, {"app": "x"}]
        assert (found.lines, found.items, found.line_count) == ([1, 1, 1], [1, 2, 3], 3)
        assert found.texts == [orjson.dumps(record) for record in found.records]

    def test_consent_that_the_body_refuses_is_refused_for_every_entry(self):
        found = self.unpack(
            b'{"metadata":{"consent":false,"app":"x"},"events":[{"id":1,"metadata":{"a":1}},'
            b'{"id":2,"metadata":{"consent":true}},{"id":3,"metadata":null}]}'
        )
        assert [record["metadata"] for record in found.records] == [
            {"consent": False, "app": "x", "a": 1},
            {"consent": True, "app": "x"},
            {"consent": False, "app": "x"},
        ]

    def test_bodies_and_records_mix(self):
        found = self.unpack(
            b'{"id":1}', b'{"events":[{"id":2},7,null,{"id":3}]}', b"?", b'{"id":4}'
        )
        assert [record["id"] for record in found.records] == [1, 2, 3, 4]
        assert list(zip(found.lines, found.items, strict=True)) == [(1, 1), (2, 1), (2, 4), (4, 1)]
        faults = sorted((fault.line, fault.item, fault.reason) for fault in found.faults)
        assert faults == [(2, 2, "not_an_object"), (2, 3, "not_an_object"), (3, 1, "bad_json")]
        assert found.line_count == 7

    def test_an_empty_body_is_a_blank_line(self):
        found = self.unpack(b'{"events":[]}')
        assert (found.line_count, found.blank_count, found.records) == (1, 1, [])

    def test_what_is_no_list_is_no_body(self):
        assert self.unpack(b'{"events":{"id":1}}').records == [{"events": {"id": 1}}]


# ── against an obvious slow reference ─────────────────────────────────────────────────────────


def slow(line: bytes) -> dict | None:
    """A record, or None. Written to be read, not to be quick."""

    def pairs(entries):
        if len({key for key, _ in entries}) < len(entries):
            raise ValueError("a key came twice")
        return dict(entries)

    def constant(name):
        raise ValueError(name)

    def sound(value: object, depth: int) -> bool:
        if isinstance(value, dict):
            return depth <= MAX_DEPTH and all(
                sound(key, depth) and sound(entry, depth + 1) for key, entry in value.items()
            )
        if isinstance(value, list):
            return depth <= MAX_DEPTH and all(sound(entry, depth + 1) for entry in value)
        if isinstance(value, str):
            return "\x00" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
        if isinstance(value, float):
            return math.isfinite(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return -(2**63) <= value < 2**64
        return True

    try:
        record = json.loads(line.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and sound(record, 1) else None


texts = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ["é", "\u2028", '"', "\\", "/", "\x7f", "😀", "\\u0000", "a\nb", "1.0"]
)
numbers = st.integers(-(2**65), 2**65) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
styles = st.sampled_from(
    [
        {"ensure_ascii": False, "separators": (",", ":")},
        {"ensure_ascii": True, "separators": (",", ":")},
        {"ensure_ascii": False},
        {"ensure_ascii": True, "separators": (" , ", " : ")},
    ]
)
# What breaks lines: cut anywhere, or with one of these put in anywhere.
debris = st.sampled_from(
    [b"", b"", b",", b"}", b"{", b"]", b'"', b"\\", b" ", b"\x00", b"\xff", b"\xef\xbb\xbf", b"NaN",
     b"-", b"1e999", b"9" * 25, b"\\u0000", b"\\ud800", b'"a":1,"a":2,', b"\t", b"\xc3", b"0"]
)  # fmt: skip


@st.composite
def some_lines(draw) -> bytes:
    text = json.dumps(draw(st.dictionaries(texts, values, max_size=4)), **draw(styles)).encode()
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(text)))
        until = draw(st.sampled_from([at, at + 1, len(text)]))
        text = text[:at] + draw(debris) + text[until:]
    return text.replace(b"\n", b"")


@given(st.lists(some_lines(), max_size=8), st.integers(1, 8))
def test_the_quick_way_is_the_slow_way(lines, size):
    found_records, found_faults, found_texts = [], [], []
    for start in range(0, len(lines), size):  # whoever shares a chunk changes nobody's outcome
        found = check(lines[start : start + size], start + 1)
        found_records += zip(found.lines, found.records, strict=True)
        found_texts += found.texts
        found_faults += [fault.line for fault in found.faults]
        assert len(found.records) + len(found.faults) + found.blank_count == found.line_count
    expected = [
        (number, slow(line)) for number, line in enumerate(lines, 1) if line.strip(b" \t\r\n")
    ]
    good = [(number, record) for number, record in expected if record is not None]
    assert found_records == good
    assert found_texts == [orjson.dumps(record) for _, record in good]
    assert sorted(found_faults) == [number for number, record in expected if record is None]

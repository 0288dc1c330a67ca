"""Is this line a record? Strict JSON, judged line by line; bytes in, records and faults out.

The quick way and the strict way are one: every line is parsed by orjson, written again, and
compared with what came in, spaces apart. Equal text proves that no key came twice, no number lost
a digit and nothing is nested deeper than can be written. Lines that differ (escapes, 1.10) are
read once more with care. Nothing here can be switched off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import orjson

# What orjson writes at most; DuckDB and Spark read that deep as well.
MAX_DEPTH = 254
_SORTED = orjson.OPT_SORT_KEYS
_SPACE = b" \t\r\n"
_NESTED = {dict, list}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record did not land. `text` is for measuring and masking, never for showing."""

    line: int
    item: int
    reason: str
    detail: str | None
    text: bytes
    length: int


@dataclass(slots=True)
class Records:
    """Records in the order of the file, and the place that each came from."""

    texts: list[bytes] = field(default_factory=list)  # each record written canonically
    lines: list[int] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    line_count: int = 0  # lines and blanks as they lie in the file
    blank_count: int = 0

    def keep(self, wanted: Sequence[bool]) -> None:
        """Drop the records that are not wanted; their faults have been noted."""
        for name in ("texts", "lines", "items"):
            values = getattr(self, name)
            setattr(self, name, [value for value, keep in zip(values, wanted, strict=True) if keep])


class NotARecord(Exception):
    def __init__(self, reason: str, detail: str | None = None):
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def check_lines(
    lines: Sequence[bytes],
    first_line: int,
    max_line_bytes: int,
    take: Callable[[dict], None],
    batch: str | None = None,
    not_inherited: frozenset[str] = frozenset(),
) -> Records:
    """Judge the lines of a chunk; the first of them is line `first_line` of its file.

    `take` gets each record as soon as it is proven: one that is done with before the next is read
    costs half of what it does later. It raises `NotARecord` for what it cannot take. `batch`
    names the list of a body that holds several records. They inherit what stands beside the list,
    but for `not_inherited`: the body's own id is not its records'.
    """
    found = Records(line_count=len(lines))
    # A NUL survives the comparison, written as \u0000; databases and C programs choke on it.
    has_nul = b"\\u0000" in b"".join(lines)
    for number, line in enumerate(lines, first_line):
        if len(line) > max_line_bytes:
            found.faults.append(too_long(number, line[:256], len(line), max_line_bytes))
            continue
        try:
            record = orjson.loads(line)
            text = orjson.dumps(record)
            is_proven = type(record) is dict and (text == line or text == one_line(line))
        except (orjson.JSONDecodeError, orjson.JSONEncodeError, msgspec.DecodeError):
            is_proven = False
        try:
            if not is_proven or (has_nul and b"\\u0000" in line):
                text = line
                if not line.strip(_SPACE):
                    found.blank_count += 1
                    continue
                record = read_with_care(line)
                text = orjson.dumps(record)
            if batch is not None and type(record.get(batch)) is list:
                _unpack(record, batch, not_inherited, take, number, found)
                continue
            take(record)
        except NotARecord as error:
            found.faults.append(Fault(number, 1, error.reason, error.detail, text, len(line)))
            continue
        found.texts.append(text)
        found.lines.append(number)
        found.items.append(1)
    return found


def too_long(line: int, start: bytes, length: int, limit: int) -> Fault:
    return Fault(line, 1, "too_long", f"{length} bytes; the limit is {limit}", start, length)


def read_record(text: bytes) -> dict:
    """One record by itself: quickly where writing it again proves it clean, else with care."""
    try:
        record = orjson.loads(text)
        if type(record) is dict and orjson.dumps(record) == text and b"\\u0000" not in text:
            return record
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass
    return read_with_care(text)


def read_with_care(line: bytes) -> dict:
    """The slow reader, which sees everything: a record, or `NotARecord` with its reason."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotARecord("bad_utf8", f"at byte {error.start + 1}") from None
    try:
        record = json.loads(
            text,
            object_pairs_hook=_unique_pairs,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_exact,
        )
    except RecursionError:
        raise NotARecord("too_deep", f"more than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise NotARecord("bad_json", f"at character {error.pos + 1}: {error.msg}") from None
    if type(record) is not dict:
        raise NotARecord("not_an_object", f"a JSON {_JSON_NAMES[type(record)]}")
    try:
        written = orjson.dumps(record)
    except orjson.JSONEncodeError as error:
        if "surrogate" in str(error) or "utf-8" in str(error).lower():
            raise NotARecord("lone_surrogate") from None
        raise NotARecord("too_deep", f"more than {MAX_DEPTH} levels") from None
    if b"\\u0000" in written and _has_nul(record):
        raise NotARecord("nul_character")
    return record


_JSON_NAMES = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
    list: "array",
}


def _unique_pairs(pairs: list[tuple[str, object]]) -> dict:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise NotARecord("duplicate_key")
    return record


def _refuse_constant(name: str):
    raise NotARecord("not_finite", "NaN and Infinity are no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise NotARecord("number_out_of_range", "larger than a double can be")
    return number


def _exact(text: str) -> int:
    # 20 digits hold every 64-bit number; a longer one would silently become a float later.
    if len(text) > 20 or not -(2**63) <= int(text) < 2**64:
        raise NotARecord("number_out_of_range", "more than 64 bits")
    return int(text)


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(entry) for key, entry in value.items())
    if isinstance(value, list):
        return any(map(_has_nul, value))
    return False


def _unpack(
    body: dict,
    batch: str,
    not_inherited: frozenset[str],
    take: Callable[[dict], object],
    line: int,
    found: Records,
) -> None:
    """`{"events": […]}` is a record an entry; what stands beside the list belongs to each."""
    entries = body.pop(batch)
    beside = {key: body[key] for key in body.keys() - not_inherited}
    found.line_count += len(entries) - 1
    if not entries:  # an empty body is a line with nothing in it
        found.line_count += 1
        found.blank_count += 1
    for item, entry in enumerate(entries, start=1):
        try:
            if type(entry) is not dict:
                text = orjson.dumps(entry)
                raise NotARecord("not_an_object", f"a JSON {_JSON_NAMES[type(entry)]}")
            text = orjson.dumps(_inherit(beside, entry) if beside else entry)
            # Read anew: what entries inherit must not be one object that they share.
            take(orjson.loads(text) if beside else entry)
        except NotARecord as error:
            found.faults.append(Fault(line, item, error.reason, error.detail, text, len(text)))
            continue
        found.texts.append(text)
        found.lines.append(line)
        found.items.append(item)


def _inherit(beside: dict, entry: dict) -> dict:
    """What the entry does not say itself, also inside of objects: consent may be refused there."""
    merged = beside | entry
    for key in beside.keys() & entry.keys():
        if entry[key] is None:
            merged[key] = beside[key]
        elif type(beside[key]) is dict and type(entry[key]) is dict:
            merged[key] = _inherit(beside[key], entry[key])
    return merged


def one_line(document: bytes) -> bytes:
    """A JSON document over several lines, on one; nothing else about it changes."""
    return msgspec.json.format(document, indent=-1)


def canonical(record: dict) -> bytes:
    """The record as text that does not depend on the order of its keys, nor on whether a field
    that holds nothing is written as null or left out."""
    text = orjson.dumps(record, option=_SORTED)
    return orjson.dumps(_without_nulls(record), option=_SORTED) if b":null" in text else text


def _without_nulls(value: dict | list) -> dict | list:
    if type(value) is dict:
        return {
            key: _without_nulls(entry) if type(entry) in _NESTED else entry
            for key, entry in value.items()
            if entry is not None
        }
    return [_without_nulls(entry) if type(entry) in _NESTED else entry for entry in value]

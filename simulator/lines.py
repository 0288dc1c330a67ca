"""Rendering columns to JSON lines inside Arrow, a whole event type at a time.

A template is filled column by column: its constant stretches and its columns are joined by one
Arrow kernel, so that no event ever becomes a Python object. Strings that come from pools are
already escaped for JSON (`json_texts`), every other string is made of hex digits and dashes.

>>> fill('{"n":@n@}', n=np.array([1, 2])).to_pylist()
['{"n":1}', '{"n":2}']
"""

import re
from collections.abc import Iterable

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

_MARK = re.compile(r"@(\w+)@")
_HEX = np.frombuffer(b"".join(b"%02x" % i for i in range(256)), dtype=np.uint8).reshape(256, 2)
_BOOLEANS = pa.array(["false", "true"])

Column = pa.Array | np.ndarray | str


def fill(template: str, **columns: Column) -> pa.StringArray:
    """Join a template's constant text with its columns, marked `@name@`."""
    pieces: list[str | pa.Array] = []
    text = ""
    for i, part in enumerate(_MARK.split(template)):
        value = columns[part] if i % 2 else part
        if isinstance(value, str):
            text += value
            continue
        if text:
            pieces.append(text)
            text = ""
        pieces.append(as_text(value))
    if text:
        pieces.append(text)
    return pc.binary_join_element_wise(*pieces, "")


def as_text(column: pa.Array | np.ndarray) -> pa.StringArray:
    """Numbers and booleans as JSON writes them; strings unchanged."""
    if isinstance(column, np.ndarray):
        if column.dtype == np.bool_:
            return _BOOLEANS.take(pa.array(column.astype(np.int8)))
        column = pa.array(column)
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def pick(pool: pa.StringArray, index: np.ndarray) -> pa.StringArray:
    """One pool entry per index."""
    return pool.take(pa.array(index))


def optional(present: np.ndarray, column: pa.Array | np.ndarray) -> pa.StringArray:
    """The rendered column where present, nothing where not."""
    return pc.if_else(pa.array(present), as_text(column), "")


def json_texts(texts: Iterable[str]) -> pa.StringArray:
    """A pool of strings as JSON string literals, quotes included."""
    return pa.array([orjson.dumps(text).decode() for text in texts])


def uuids(rng: np.random.Generator, n: int) -> pa.StringArray:
    """Random ids in the shape of a version-4 UUID."""
    raw = rng.integers(0, 256, size=(n, 16), dtype=np.uint8)
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    digits = _HEX[raw].reshape(n, 32)
    out = np.full((n, 36), ord("-"), dtype=np.uint8)
    for at, first, last in ((0, 0, 8), (9, 8, 12), (14, 12, 16), (19, 16, 20), (24, 20, 32)):
        out[:, at : at + last - first] = digits[:, first:last]
    return _fixed_width(out)


def hex_ids(rng: np.random.Generator, n: int, digits: int = 24) -> pa.StringArray:
    """Random ids of hex digits."""
    raw = rng.integers(0, 256, size=(n, digits // 2), dtype=np.uint8)
    return _fixed_width(np.ascontiguousarray(_HEX[raw].reshape(n, digits)))


def _fixed_width(characters: np.ndarray) -> pa.StringArray:
    n, width = characters.shape
    offsets = np.arange(0, n * width + 1, width, dtype=np.int32)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(characters))


def in_row_order(parts: list[pa.StringArray], rows: list[np.ndarray]) -> pa.StringArray:
    """Lines rendered kind by kind, put back into the order of their rows."""
    back = np.argsort(np.concatenate(rows), kind="stable")
    return pa.concat_arrays(parts).take(pa.array(back))


class Clock:
    """Times as text: `date(ms)T time(ms)`, both as Arrow writes them."""

    def __init__(self, start_ms: int):
        self._start_ms = start_ms

    def iso(self, ms: np.ndarray, zone: str = "Z") -> pa.StringArray:
        """Milliseconds since the start of the world as ISO-8601 in UTC."""
        epoch = pa.array(ms.astype(np.int64) + self._start_ms)
        text = epoch.cast(pa.timestamp("ms")).cast(pa.string())
        return pc.binary_join_element_wise(
            pc.utf8_slice_codeunits(text, 0, 10),
            "T",
            pc.utf8_slice_codeunits(text, 11, 23),
            zone,
            "",
        )

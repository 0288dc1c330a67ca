"""A file is what its bytes say: packed or plain, whole or refused. Bytes in, records out."""

from __future__ import annotations

import bz2
import errno
import gzip
import json
import lzma
import random
import struct
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loaders import reading
from loaders.files import find_files
from loaders.parsing import Parser
from loaders.reading import FileRejected, format_of, open_file, read_chunks
from loaders.settings import Limits
from loaders.sources import load_sources
from tests.loaders.records import academy, gz, lines, parquet, record, to_json, zstd

SECRET = b"0123456789abcdef0123456789abcdef"
PARSER = Parser(SECRET)
SOURCES = load_sources()
RECORDS = [academy(number) for number in range(20)]
LINES = lines(RECORDS)
PACKED = {"gzip": gz(LINES), "zstd": zstd(LINES)}


@dataclass
class Read:
    rows: list[dict] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    line_count: int = 0
    blank_count: int = 0

    @property
    def ids(self) -> list[str]:
        return [row["event_id"] for row in self.rows]

    @property
    def reasons(self) -> list[str]:
        return [reason for _, reason in self.faults]


@pytest.fixture
def read(tmp_path: Path):
    def read(content: bytes, stream: str = "academy/tracking_events", **limits: int) -> Read:
        path = tmp_path / stream / "a"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        [file] = find_files(tmp_path).files
        source, _, name = stream.partition("/")
        spec = SOURCES[source].streams[name]
        done = Read()
        physical = 0
        with open_file(file) as handle:
            packing = format_of(handle)
            for chunk in read_chunks(handle, packing, spec, Limits(**limits)):
                parsed = PARSER.parse(spec, chunk)
                with pa.ipc.open_stream(parsed.rows) as reader:
                    rows = reader.read_all().to_pylist()
                done.rows += [row | {"line": row["line"] + physical} for row in rows]
                done.faults += [(fault[0] + physical, fault[2]) for fault in parsed.quarantined]
                done.line_count += parsed.line_count
                done.blank_count += parsed.blank_count
                physical += parsed.physical_lines
        assert len(done.rows) + len(done.faults) + done.blank_count == done.line_count
        return done

    return read


IDS = [entry["id"] for entry in RECORDS]


def try_to(read, content: bytes) -> tuple[Read, str | None]:
    """What was read; or nothing, and why the file was refused."""
    try:
        return read(content), None
    except FileRejected as error:
        return Read(), str(error)


# ── plain ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        (LINES, IDS),
        (LINES.removesuffix(b"\n"), IDS),  # no final newline
        (LINES.replace(b"\n", b"\r\n"), IDS),
        (LINES.replace(b"\n", b"\r\n").removesuffix(b"\n"), IDS),
        (b"\xef\xbb\xbf" + LINES, IDS),
        (b"", []),
        (b"\xef\xbb\xbf", []),
        (b"\n\n \n", []),
    ],
)
def test_line_ends_and_marks_change_nothing(read, content, ids):
    done = read(content)
    assert (done.ids, done.faults) == (ids, [])


def test_blank_lines_are_counted_and_hold_their_place(read):
    one, two = to_json(RECORDS[0]), to_json(RECORDS[1])
    done = read(b"\n" + one + b"\n  \n\r\n" + two + b"\n\n")
    assert (done.line_count, done.blank_count) == (6, 4)
    assert [row["line"] for row in done.rows] == [2, 5]


def test_a_last_line_that_was_cut_is_put_aside_alone(read):
    for cut in range(1, len(to_json(RECORDS[-1]))):
        done = read(LINES[:-1][:-cut])
        assert (done.ids, done.faults) == (IDS[:-1], [(20, "bad_json")])


def test_only_newlines_end_lines(read):
    odd = academy(1, prompt="one\u2028two\u2029three\x85four\x0bfive")
    assert read(lines([odd])).rows[0]["properties"].count("four") == 1


@pytest.mark.parametrize(
    "content",
    [LINES.decode().encode(encoding) for encoding in ("utf-16", "utf-16-le", "utf-16-be")]
    + [b"[\n".decode().encode("utf-16-le"), gz(LINES.decode().encode("utf-16"))],
)
def test_utf_16_is_refused(read, content):
    with pytest.raises(FileRejected, match="UTF-16"):
        read(content)


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (bz2.compress(LINES), "bzip2"),
        (lzma.compress(LINES), "xz"),
        (b"PK\x03\x04" + LINES, "zip"),
        (gz(gz(LINES)), "packed twice"),
        (gz(zstd(LINES)), "packed twice"),
        (zstd(gz(LINES)), "packed twice"),
        (gz(parquet(RECORDS)), "packed twice"),
    ],
)
def test_packings_that_are_not_read_are_named(read, content, advice):
    with pytest.raises(FileRejected, match=advice):
        read(content)


# ── gzip and zstd ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("packing", PACKED)
def test_a_packed_file_is_its_content(read, packing):
    assert read(PACKED[packing]).ids == IDS
    assert read(gz(b"") if packing == "gzip" else zstd(b"")).line_count == 0


@pytest.mark.parametrize("packing", PACKED)
def test_cut_at_any_byte_it_is_refused_whole(read, packing):
    packed = PACKED[packing]
    # The first bytes tell the packing; what is shorter than they are is garbage, and lands nothing.
    magic = {"gzip": 2, "zstd": 4}[packing]
    for length in range(1, len(packed)):
        if length < magic:
            assert read(packed[:length]).rows == []
            continue
        with pytest.raises(FileRejected, match=r"^(truncated|damaged)_"):
            read(packed[:length])


def test_zstd_cut_where_a_line_ends_is_refused(read):
    # Blocks of their own, as a writer that flushes after each line makes them.
    sink = pa.BufferOutputStream()
    cuts = []
    with pa.CompressedOutputStream(sink, "zstd") as out:
        for entry in RECORDS:
            out.write(lines([entry]))
            out.flush()
            cuts.append(sink.tell())
    whole = sink.getvalue().to_pybytes()
    assert read(whole).ids == IDS
    for cut in cuts[:-1]:
        with pytest.raises(FileRejected, match=r"^truncated_zstd"):
            read(whole[:cut])


@pytest.mark.parametrize("packing", PACKED)
def test_a_flipped_bit_never_lands_another_record(read, packing):
    right = read(LINES).rows
    packed = PACKED[packing]
    # This writer's zstd has no checksum, so only what breaks its form can be found there.
    checked = packing == "gzip"
    refused = 0
    for offset in range(4, len(packed)):
        flipped = bytearray(packed)
        flipped[offset] ^= 1 << (offset % 8)
        try:
            done = read(bytes(flipped))
        except FileRejected:
            refused += 1
        else:
            assert not checked or done.rows == right, offset
    assert refused > len(packed) // 4


@pytest.mark.parametrize("place", [-8, -5, -4, -1])
def test_a_wrong_checksum_or_length_is_refused(read, place):
    packed = bytearray(PACKED["gzip"])
    packed[place] ^= 1
    with pytest.raises(FileRejected, match=r"^damaged_gzip: .*(check|length)"):
        read(bytes(packed))


def _zstd_with_wrong_checksum(content: bytes) -> bytes:
    """One raw block under a content checksum of zeros: no library at hand writes checksums."""
    header = b"\x28\xb5\x2f\xfd" + bytes([0b1010_0100]) + struct.pack("<I", len(content))
    block = struct.pack("<I", len(content) << 3 | 1)[:3] + content
    return header + block + b"\0\0\0\0"


def test_a_wrong_zstd_checksum_is_refused(read):
    with pytest.raises(FileRejected, match=r"^damaged_zstd: .*checksum"):
        read(_zstd_with_wrong_checksum(LINES))


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize(
    "garbage", [b"x", b"garbage" * 100, b'{"id":"evt-9"}\n', b"\x1f\x8b", b"PAR1"]
)
def test_something_after_the_end_is_refused(read, packing, garbage):
    with pytest.raises(FileRejected, match=r"^(truncated|damaged)_"):
        read(PACKED[packing] + garbage)


@pytest.mark.parametrize("pack", [gz, zstd])
@pytest.mark.parametrize("chunk", [1024, 4096, 1 << 22])
def test_all_members_are_read(read, pack, chunk):
    cuts = [0, 1, 700, 701, 2500, len(LINES)]
    members = [pack(LINES[a:b]) for a, b in pairwise(cuts)]
    members.insert(2, pack(b""))
    assert read(b"".join(members), chunk_bytes=chunk).ids == IDS
    with pytest.raises(FileRejected):
        read(b"".join(members)[:-1], chunk_bytes=chunk)


def test_gzip_may_be_padded_with_zeros_as_tapes_are(read):
    assert read(PACKED["gzip"] + b"\0" * 512).ids == IDS


def test_gzip_headers_may_be_long(read):
    name = b"\x1f\x8b\x08\x08" + b"\0" * 6 + b"n" * 5_000 + b"\0"
    body = zlib.compress(LINES, wbits=-15)
    tail = struct.pack("<II", zlib.crc32(LINES), len(LINES))
    assert read(name + body + tail, chunk_bytes=1024).ids == IDS


# ── lines over the limit, at every boundary ───────────────────────────────────────────────────


def _of_length(number: int, length: int) -> bytes:
    bare = len(to_json(academy(number, x="")))
    return to_json(academy(number, x="a" * (length - bare)))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("chunk", [*range(1024, 1036), 1500, 2046, 2047, 2048, 2049, 2050, 2051,
                                   2052, 4096, 4097, 4098, 4099, 1 << 20])  # fmt: skip
def test_the_limit_holds_at_chunk_boundaries(read, end, chunk):
    content = end.join(
        [
            _of_length(1, 2048),
            _of_length(2, 2049),
            _of_length(3, 2047),
            _of_length(4, 9000),
            _of_length(5, 600),
            _of_length(6, 2048),
        ]
    )
    for last in (b"", end):
        done = read(content + last, max_line_bytes=2048, chunk_bytes=chunk)
        assert [row["line"] for row in done.rows] == [1, 3, 5, 6]
        assert done.faults == [(2, "too_long"), (4, "too_long")]


def test_a_long_line_is_measured_alike_whatever_the_chunks(door, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_MAX_LINE_BYTES", "2048")
    told = set()
    for chunk in (1024, 2049, 4096, 1 << 20):
        monkeypatch.setenv("SIGHTLINE_CHUNK_BYTES", str(chunk))
        content = _of_length(1, 5000) + b"\r\n" + _of_length(2, 300) + b"\r\n"
        door.land_only(f"academy/tracking_events/{chunk}", content + b"\n" * chunk)
        told |= set(
            door.query(f"select line, reason, length, hash, shape from raw.quarantine "
                       f"where file like '%/{chunk}'")
        )  # fmt: skip
    assert [(line, reason, length) for line, reason, length, *_ in told] == [(1, "too_long", 5000)]


# ── arrays and documents ──────────────────────────────────────────────────────────────────────

ARRAYS = {
    "compact": to_json(RECORDS),
    "spaced": b"  " + json.dumps(RECORDS).encode() + b"\n\n",
    "pretty": json.dumps(RECORDS, indent=2).encode(),
    "an entry a line": b"[\n" + b",\n".join(map(to_json, RECORDS)) + b"\n]\n",
    "begun on the first line": b"[" + b",\n".join(map(to_json, RECORDS)) + b"]",
    "commas in front": b"[ " + b"\n, ".join(map(to_json, RECORDS)) + b"\n]",
    "tabs and returns": json.dumps(RECORDS, indent="\t").replace("\n", "\r\n").encode(),
    "marked": b"\xef\xbb\xbf" + to_json(RECORDS),
    "packed": gz(json.dumps(RECORDS, indent=2).encode()),
    "a body": to_json({"events": RECORDS}),
    "a pretty body": json.dumps({"app": "x", "events": RECORDS}, indent=2).encode(),
    "a body, an entry a line": b'{"events": [\n' + b",\n".join(map(to_json, RECORDS)) + b"\n]}\n",
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("chunk", [1024, 1 << 22])
def test_arrays_and_bodies_are_their_records(read, name, chunk):
    done = read(ARRAYS[name], chunk_bytes=chunk)
    assert (done.ids, done.faults) == (IDS, [])


def test_a_pretty_record_alone_is_a_record(read):
    assert read(json.dumps(RECORDS[0], indent=4).encode()).ids == IDS[:1]


@pytest.mark.parametrize("content", [b"[]", b" [ ]\n", b"[\n]\n"])
def test_an_empty_array_holds_nothing(read, content):
    assert read(content).line_count == 0


@pytest.mark.parametrize(
    "content",
    [to_json(RECORDS)[:-1], to_json(RECORDS)[:-200], b"[1,2", b"[", to_json(RECORDS) + b"x",
     to_json(RECORDS)[:-1] + b",]", json.dumps(RECORDS, indent=2).encode()[:-9]],
)  # fmt: skip
def test_an_array_that_is_not_whole_is_refused(read, content):
    with pytest.raises(FileRejected, match=r"^damaged_array"):
        read(content)


def test_entries_are_judged_one_by_one(read):
    odd = [
        to_json(RECORDS[0]),
        b"7",
        b'{"id":1,"id":2}',
        b"null",
        b'{"a":"' + b"x" * 9000 + b'"}',
        b"{}",
        to_json(RECORDS[1]),
    ]
    done = read(b"[" + b",\n".join(odd) + b"]", max_line_bytes=4096)
    assert done.ids == IDS[:2]
    assert sorted(done.reasons) == sorted(
        ["not_an_object", "duplicate_key", "not_an_object", "too_long", "missing_id"]
    )


@pytest.mark.parametrize("entry", [b'{"a":NaN}', b'{"a":"\\ud800"}', b'{"a":"caf\xe9"}', b"{,}"])
def test_an_entry_that_is_no_json_never_lands(read, entry):
    done, refusal = try_to(read, b"[" + to_json(RECORDS[0]) + b",\n" + entry + b"]")
    if refusal:
        assert refusal.startswith("damaged_array")
    else:
        assert (done.ids, len(done.faults)) == (IDS[:1], 1)


DEEP = b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}"


@pytest.mark.parametrize(
    "content",
    [
        b"[" + to_json(RECORDS[0]) + b",\n" + DEEP + b"]",
        b"{\n" + DEEP[1:],
        b"[\n" + DEEP + b"\n]",
        b'{"events":[\n' + DEEP + b"]}",
    ],
)
def test_what_is_nested_too_deeply_harms_nobody(read, content):
    done, refusal = try_to(read, content)
    if refusal:
        assert "deep" in refusal
    else:
        assert set(done.reasons) <= {"too_deep", "bad_json"}
        assert done.reasons
        assert set(done.ids) <= set(IDS)


@pytest.mark.parametrize("first", [b'["a"]', b"7", b"{", b"[", b'{"a":', b"[{"])
def test_a_broken_first_line_does_not_make_lines_something_else(read, first):
    done = read(first + b"\n" + LINES)
    assert done.ids == IDS
    assert done.faults[0][0] == 1
    assert len(done.faults) == 1


def test_an_array_within_lines_is_a_line(read):
    done = read(lines([RECORDS[0], [RECORDS[1]], RECORDS[2]]))
    assert done.ids == [IDS[0], IDS[2]]
    assert done.faults == [(2, "not_an_object")]


@pytest.mark.parametrize(
    "content", [to_json(RECORDS), json.dumps({"events": RECORDS}, indent=1).encode()]
)
def test_what_must_be_held_in_memory_has_a_limit(read, content):
    with pytest.raises(FileRejected, match=r"too_large.*SIGHTLINE_MAX_DOCUMENT_BYTES"):
        read(content, max_document_bytes=2000, chunk_bytes=1024)


@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
def test_what_unpacks_to_too_much_is_refused(read, packing):
    with pytest.raises(FileRejected, match=r"too_large.*SIGHTLINE_MAX_UNPACKED_BYTES"):
        read({**PACKED, "plain": LINES}[packing], max_unpacked_bytes=2000, chunk_bytes=1024)


# ── Parquet ───────────────────────────────────────────────────────────────────────────────────


def test_rows_are_records(read):
    assert read(parquet(RECORDS)).ids == IDS
    assert read(parquet(RECORDS, row_group_size=3)).ids == IDS
    assert read(parquet(RECORDS, compression="zstd", use_dictionary=False)).ids == IDS
    assert read(parquet(pa.Table.from_pylist(RECORDS[:1]).slice(0, 0))).line_count == 0


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_cut_anywhere_it_is_refused(read, compression):
    whole = parquet(RECORDS, compression=compression)
    for length in range(4, len(whole), 97):
        with pytest.raises(FileRejected, match=r"^damaged_parquet"):
            read(whole[:length])


@pytest.mark.parametrize("compression", ["none", "snappy"])
def test_a_flipped_bit_in_the_data_is_found(read, compression):
    whole = parquet(RECORDS, compression=compression)
    right = read(whole).rows
    footer = len(whole) - 8 - struct.unpack("<I", whole[-8:-4])[0]
    random_places = random.Random(7)
    refused = 0
    for place in [*range(footer, len(whole), 41), *range(4, footer, 23)]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << random_places.randrange(8)
        done, refusal = try_to(read, bytes(flipped))
        if refusal:
            refused += 1
            known = ("damaged_parquet", "type_drift", "too_large", "expands_to_nothing")
            assert refusal.startswith(known)
            assert "\n" not in refusal
        else:
            # The footer has no checksum: there, a name may have changed, but no value.
            assert place >= footer or done.rows == right, place
    assert refused > 50


@pytest.mark.parametrize(
    ("column", "values", "what"),
    [
        ("userId", pa.array([1.5]), "userId is .*double.*text is due"),
        ("userId", pa.array([True]), "userId is .*bool.*text is due"),
        ("userId", pa.array([{"ada@example.org": "x"}]), "userId is .*struct.*text is due"),
        ("userId", pa.array([["x"]]), "userId is .*text is due"),
        ("id", pa.array([1.5]), "id is .*double.*text is due"),
        ("timestamp", pa.array([1.5]), "timestamp is .*double.*a time is due"),
        ("eventType", pa.array([7.0]), "eventType is .*text is due"),
    ],
)
def test_types_that_drifted_are_refused_with_a_report(read, column, values, what):
    table = pa.Table.from_pylist(RECORDS[:1])
    table = table.set_column(table.schema.get_field_index(column), column, values)
    with pytest.raises(FileRejected, match=rf"^type_drift: .*{what}") as refused:
        read(parquet(table))
    assert "ada@" not in str(refused.value)


def _with(**columns: pa.Array) -> bytes:
    table = pa.Table.from_pylist(
        [{"id": "e", "timestamp": "2026-03-02T09:15:04Z", "eventType": "X"}]
    )
    for name, values in columns.items():
        if name in table.column_names:
            table = table.drop_columns([name])
        table = table.append_column(name, values)
    return parquet(table)


def _bad_text() -> pa.Array:
    offsets = pa.array([0, 4], pa.int32()).buffers()[1]
    return pa.StringArray.from_buffers(1, offsets, pa.py_buffer(b"caf\xe9"))


def _twice() -> pa.Array:
    return pa.StructArray.from_arrays([pa.array(["1"]), pa.array(["2"])], names=["a", "a"])


ODD_COLUMNS = {
    "text that is no UTF-8": {"note": _bad_text()},
    "bytes that are no UTF-8": {"note": pa.array([b"caf\xe9"])},
    "a field twice": {"metadata": _twice()},
    "a field twice, deep": {"x": pa.StructArray.from_arrays([_twice()], names=["y"])},
    "a time beyond the calendar": {"timestamp": pa.array([2**62], pa.timestamp("us"))},
    "a time before the calendar": {"timestamp": pa.array([-(2**62)], pa.timestamp("us"))},
    "a day beyond the calendar": {"note": pa.array([2**31 - 1], pa.date32())},
    "NaN": {"note": pa.array([float("nan")])},
    "infinity": {"note": pa.array([{"x": float("inf")}])},
}


@pytest.mark.parametrize("name", ODD_COLUMNS)
def test_values_that_no_record_can_hold_land_nowhere(read, name):
    done, refusal = try_to(read, _with(**ODD_COLUMNS[name]))
    if refusal:
        assert "\n" not in refusal
    else:
        assert done.rows == []
        assert len(done.faults) == 1


@pytest.mark.parametrize(
    "times",
    [
        pa.array([2**62], pa.timestamp("us")),
        pa.array([-(2**62)], pa.timestamp("us", tz="UTC")),
        pa.array([5], pa.timestamp("us", tz="Nowhere/Land")),
        pa.array([2**31 - 1], pa.date32()),
        pa.array([5], pa.duration("us")),
    ],
)
def test_odd_values_of_unknown_columns_are_kept_or_put_aside(read, times):
    done, refusal = try_to(read, _with(note=times))
    if refusal:
        assert refusal.startswith("damaged_parquet")
    else:
        assert done.line_count == 1


def test_two_columns_of_one_name_are_refused(read):
    table = pa.Table.from_arrays([pa.array(["e1"]), pa.array(["e2"])], names=["id", "id"])
    with pytest.raises(FileRejected):
        read(parquet(table))


def test_many_kinds_of_columns_are_read(read):
    content = _with(
        timestamp=pa.array([1772442904120], pa.timestamp("ms", tz="Europe/Berlin")),
        n=pa.array([9007199254740993]),
        u=pa.array([2**64 - 1], pa.uint64()),
        f=pa.array([1.5], pa.float32()),
        d=pa.array([3], pa.int32()).cast(pa.decimal128(12, 2)),
        day=pa.array([20514], pa.date32()),
        words=pa.array(["x"]).dictionary_encode(),
        raw=pa.array([b"text"]),
        pairs=pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        list=pa.array([[1, None, 2]]),
        none=pa.nulls(1),
        ns=pa.array([1772442904120000001], pa.timestamp("ns")),
    )
    [row] = read(content).rows
    assert str(row["occurred_at"]) == "2026-03-02 09:15:04.120000"
    properties = json.loads(row["properties"])
    assert properties == {
        "n": 9007199254740993,
        "u": 2**64 - 1,
        "f": 1.5,
        "d": 3,
        "day": "2026-03-02",
        "words": "x",
        "raw": "text",
        "pairs": {"k": 1},
        "list": [1, None, 2],
        "ns": properties["ns"],
    }
    assert properties["ns"][:10] == "2026-03-02"


def test_a_bag_as_json_text_is_the_bag(read):
    packed = [entry | {"metadata": json.dumps(entry["metadata"])} for entry in RECORDS]
    assert read(parquet(packed)).rows == read(parquet(RECORDS)).rows


def test_a_row_over_the_limit_is_put_aside(read):
    done = read(parquet([RECORDS[0], academy(1, x="y" * 9000), RECORDS[2]]), max_line_bytes=4096)
    assert done.ids == [IDS[0], IDS[2]]
    assert done.faults == [(2, "too_long")]


def test_without_memory_nobody_calls_the_file_damaged(read, monkeypatch):
    """Low memory ends the run, which heals; a rejected file would be one for good."""

    def no_memory(*_, **__):
        raise pa.ArrowMemoryError("malloc of size 1048576 failed")

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", no_memory)
    with pytest.raises(MemoryError):
        read(parquet(RECORDS))


def test_without_threads_nobody_calls_the_file_damaged(read, monkeypatch):
    def no_thread(*_, **__):
        raise pa.ArrowException("Unknown error: Failed to launch worker thread: try again")

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", no_thread)
    with pytest.raises((MemoryError, OSError)):
        read(parquet(RECORDS))


@pytest.mark.parametrize("packing", ["gzip", "zstd", "parquet", "plain"])
def test_a_failing_disk_does_not_make_the_file_a_damaged_one(read, monkeypatch, packing):
    class Failing:
        def __init__(self, handle):
            self.handle = handle
            self.reads = 0

        def __getattr__(self, name):
            return getattr(self.handle, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.handle.close()

        def read(self, size=-1):
            self.reads += 1
            if self.reads > 2:
                raise OSError(errno.EIO, "Input/output error")
            return self.handle.read(size)

    real = reading.open_file
    monkeypatch.setitem(globals(), "open_file", lambda file: Failing(real(file)))
    content = {**PACKED, "parquet": parquet(RECORDS), "plain": LINES}[packing]
    with pytest.raises(OSError, match="Input/output error"):
        read(content, chunk_bytes=1024)


# ── one content, many forms ───────────────────────────────────────────────────────────────────

STREAM_RECORDS = {
    stream: [record(stream, number) for number in range(50)]
    for stream in ("academy/tracking_events", "studyin/study_events", "sketchychain/events",
                   "interaction_log/interactions")
}  # fmt: skip


@pytest.mark.parametrize("stream", STREAM_RECORDS)
@pytest.mark.parametrize("chunk", [1024, 5000, 1 << 22])
def test_the_form_changes_nothing_but_the_place(read, stream, chunk):
    records = STREAM_RECORDS[stream]

    def rows(content: bytes) -> list[dict]:
        found = read(content, stream, chunk_bytes=chunk).rows
        return [{**row, "line": 0, "item": 0} for row in found]

    plain = rows(lines(records))
    assert len(plain) == len(records)
    assert rows(gz(lines(records))) == plain
    assert rows(zstd(lines(records))) == plain
    assert rows(to_json(records)) == plain
    assert rows(json.dumps(records, indent=2).encode()) == plain
    assert rows(json.dumps(records).replace("}, {", "},\r\n{").encode()) == plain
    assert rows(parquet(records)) == plain
    assert rows(parquet(records, row_group_size=7, compression="zstd")) == plain
    bodies = [{"events": records[start : start + 9]} for start in range(0, 50, 9)]
    assert rows(lines(bodies)) == plain
    assert rows(gzip.compress(lines([{"events": records}]))) == plain


def test_nulls_and_nothing_are_one_content(read):
    """Parquet cannot tell a null from a field that was not sent; a content hash must not either."""
    stream = "interaction_log/interactions"
    with_null = record(stream, 1, userId=None, details={"a": None, "b": 1})
    without = record(stream, 1, details={"b": 1})
    forms = [lines([with_null]), lines([without]), parquet([with_null]),
             parquet([without | {"details": '{"b":1}'}])]  # fmt: skip
    assert len({read(form, stream).ids[0] for form in forms}) == 1

"""Files as the apps leave them: compressed, named by arrival day, and complete or not there at all.

Nothing in the bytes tells when or where they were written: no times or names in gzip headers, and
Parquet with the same writer options (and page checksums) everywhere.
"""

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.json as pajson
import pyarrow.parquet as pq

from simulator.formats import ARRAY, BATCHES, PARQUET, FileFormat

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_TIME = pa.timestamp("ms", tz="UTC")
_TEXT, _WHOLE, _NUMBER, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

_SKETCH_PROPERTIES = pa.struct(
    [
        ("prompt_id", _TEXT), ("parent_prompt_id", _TEXT), ("prompt_text", _TEXT),
        ("prompt_category", _TEXT), ("processing_time", _NUMBER), ("error_type", _TEXT),
        ("message", _TEXT), ("value", _NUMBER), ("complexity_score", _NUMBER),
        ("render_ms", _NUMBER), ("fps", _NUMBER), ("kind", _TEXT), ("contribution_size", _NUMBER),
        ("setting", _TEXT), ("tool", _TEXT), ("severity", _TEXT), ("endpoint", _TEXT),
        ("status_code", _WHOLE), ("response_time_ms", _NUMBER), ("resource", _TEXT),
        ("experiment_id", _TEXT), ("variant", _TEXT), ("entry_point", _TEXT), ("country", _TEXT),
    ]
)  # fmt: skip
_PLATFORM = pa.struct(
    [("browser", _TEXT), ("version", _TEXT), ("os", _TEXT), ("device_type", _TEXT)]
)
_SKETCH_METADATA = pa.struct(
    [
        ("client_timestamp", _TIME), ("app_version", _TEXT), ("platform_info", _PLATFORM),
        ("consent", _FLAG),
    ]
)  # fmt: skip


def _sketch_events(properties: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            ("event_id", _TEXT),
            ("event_type", _TEXT),
            ("timestamp", _TIME),
            ("session_id", _TEXT),
            ("user_id", _TEXT),
            ("sketch_id", _TEXT),
            ("properties", properties),
            ("metadata", _SKETCH_METADATA),
        ]
    )


PARQUET_SCHEMAS = {
    "events": _sketch_events(_SKETCH_PROPERTIES),
    "prompts": pa.schema(
        [
            ("id", _TEXT), ("userId", _TEXT), ("promptText", _TEXT), ("version", _WHOLE),
            ("createdAt", _TIME), ("updatedAt", _TIME), ("isFavorite", _FLAG),
        ]
    ),
    "sketches": pa.schema(
        [
            ("sketch_id", _TEXT), ("creator_user_id", _TEXT), ("creation_time", _TIME),
            ("last_modified", _TIME), ("collaborator_count", _WHOLE), ("prompt_count", _WHOLE),
            ("view_count", _WHOLE), ("complexity_score", _NUMBER),
        ]
    ),
    "materials": pa.schema(
        [("id", _TEXT), ("filename", _TEXT), ("page_count", _WHOLE), ("topic_id", _TEXT)]
    ),
    "chunks": pa.schema(
        [("id", _TEXT), ("chunk_index", _WHOLE), ("topic_id", _TEXT), ("material_id", _TEXT)]
    ),
}  # fmt: skip


@dataclass
class Written:
    """What a file holds; `line_of` is the line (from 1) of each of its records, in order."""

    bytes: int
    physical_lines: int
    line_of: np.ndarray


def write_file(
    path: Path, stream: str, file_format: FileFormat, lines: pa.StringArray, is_record: np.ndarray
) -> Written:
    """Write lines (each with its newline) in a format, under a hidden name until complete."""
    n = len(lines)
    line_of = np.arange(1, n + 1)
    physical = n
    if file_format.records.startswith("parquet"):
        data = parquet_bytes(stream, file_format, lines)
    elif file_format.records == BATCHES:
        data, line_of, physical = _batches(lines, is_record)
    elif file_format.records == ARRAY:
        data = b"[" + _body(lines)[:-1].replace(b"\n", b",\n") + b"]\n"
    else:
        data = _body(lines)
    data = compress(data, file_format.compression)
    write_atomically(path, data)
    return Written(len(data), physical, line_of)


def write_atomically(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.tmp")
    hidden.write_bytes(data)
    os.replace(hidden, path)


def compress(data: bytes, compression: str) -> bytes:
    if compression == "gzip":
        packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        body = packer.compress(data) + packer.flush()
        return _GZIP_HEADER + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
    if compression == "zstd":
        return pa.Codec("zstd", compression_level=1).compress(data, asbytes=True)
    return data


def _body(lines: pa.StringArray) -> bytes:
    """The text of all lines: they lie one after the other in the array's own buffer."""
    if len(lines) == 0:
        return b""
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int32)
    first, last = offsets[lines.offset], offsets[lines.offset + len(lines)]
    return lines.buffers()[2].slice(first, last - first).to_pybytes()


def _batches(lines: pa.StringArray, is_record: np.ndarray) -> tuple[bytes, np.ndarray, int]:
    """Up to ten records a line in `{"events":[...]}`; what is no record keeps its own line."""
    out: list[str] = []
    batch: list[str] = []
    line_of = np.zeros(len(lines), dtype=np.int64)

    def flush() -> None:
        if batch:
            out.append('{"events":[' + ",".join(batch) + "]}\n")
            batch.clear()

    for i, (text, record) in enumerate(zip(lines.to_pylist(), is_record.tolist(), strict=True)):
        if record:
            batch.append(text[:-1])
            line_of[i] = len(out) + 1
            if len(batch) == 10:
                flush()
        else:
            flush()
            out.append(text)
            line_of[i] = len(out)
    flush()
    return "".join(out).encode(), line_of, len(out)


def parquet_bytes(stream: str, file_format: FileFormat, lines: pa.StringArray) -> bytes:
    schema = PARQUET_SCHEMAS[stream]
    body = _body(lines)
    if stream == "events" and file_format.records != PARQUET:
        # `properties` as the JSON text that the app sent.
        records = [orjson.loads(line) for line in body.splitlines()]
        texts = [orjson.dumps(record.pop("properties", {})).decode() for record in records]
        body = b"".join(orjson.dumps(record) + b"\n" for record in records)
        rest = schema.remove(schema.get_field_index("properties"))
        table = _read(body, rest)
        at = schema.get_field_index("properties")
        table = table.add_column(
            at, pa.field("properties", pa.string()), pa.array(texts, pa.string())
        )
    else:
        table = _read(body, schema)
    return table_bytes(table)


def _read(body: bytes, schema: pa.Schema) -> pa.Table:
    return pajson.read_json(
        pa.BufferReader(body),
        read_options=pajson.ReadOptions(use_threads=False, block_size=max(len(body), 1)),
        parse_options=pajson.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="error"
        ),
    )


def table_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata(None),
        sink,
        compression="zstd",
        compression_level=1,
        write_page_checksum=True,
        store_schema=False,
        use_dictionary=["event_type"] if "event_type" in table.column_names else False,
    )
    return sink.getvalue().to_pybytes()

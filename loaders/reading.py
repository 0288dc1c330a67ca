"""A landing file's bytes → chunks of lines. The file is looked at whole: an end mark that is
missing, a checksum that is wrong or a page that is damaged raises `FileRejected`, and nothing of
the file lands.

    gzip, zstd, plain   by the first bytes, never by the name
    lines               the common case: streamed
    array, document     `[…]`, or one body over many lines: held in memory, up to a limit
    Parquet             a row becomes the line of JSON that it stands for
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import msgspec
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from loaders.checking import Fault, one_line, too_long
from loaders.files import FileChanged, FileRejected, LandingFile
from loaders.rows import check_types
from loaders.settings import MIB, Limits
from loaders.sources import Stream

_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_UTF16 = "UTF-16 text; write it as UTF-8"
_UNREADABLE = {
    b"\xff\xfe": _UTF16,
    b"\xfe\xff": _UTF16,
    b"{\0": _UTF16,
    b"[\0": _UTF16,
    b"\0{": _UTF16,
    b"\0[": _UTF16,
    b"BZh": "bzip2, which is not read here; pack it with gzip or zstd",
    b"\xfd7zXZ": "xz, which is not read here; pack it with gzip or zstd",
    b"PK\x03\x04": "a zip archive, which is not read here; unpack it, or pack with gzip or zstd",
}
# Rows of Parquet handed over at once; they are wide in Python, and a page can hold a million.
_ROWS = 8_192
# Lines handed over at once, however short.
_LINES = 20_000


@dataclass(slots=True)
class Chunk:
    """Work for one call of a worker: lines as text, or apart, or rows; or a line too long."""

    text: bytes = b""
    lines: list[bytes] | None = None
    rows: bytes | None = None
    fault: Fault | None = None
    max_line_bytes: int = 0


def open_file(file: LandingFile) -> BinaryIO:
    try:
        # A link that took the file's place since it was found is not followed.
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise FileChanged(f"cannot be opened ({os.strerror(error.errno)})") from None
    handle = os.fdopen(descriptor, "rb", buffering=0)
    if not file.is_unchanged(os.fstat(descriptor)):
        handle.close()
        raise FileChanged("is being written to")
    return handle


def check_unchanged(file: LandingFile, handle: BinaryIO) -> None:
    if not file.is_unchanged(os.fstat(handle.fileno())):
        raise FileChanged("was written to while it was read")


def sha256_of(handle: BinaryIO) -> str:
    digest = hashlib.sha256()
    handle.seek(0)
    while block := handle.read(4 * MIB):
        digest.update(block)
    return digest.hexdigest()


def format_of(handle: BinaryIO) -> str:
    """gzip, zstd, parquet or plain, by the first bytes."""
    handle.seek(0)
    start = handle.read(8)
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if start.startswith(b"PAR1"):
        return "parquet"
    _refuse_unreadable(start)
    return "plain"


def _refuse_unreadable(start: bytes) -> None:
    for magic, what in _UNREADABLE.items():
        if start.startswith(magic):
            raise FileRejected("unreadable_format", f"this is {what}")


def read_chunks(handle: BinaryIO, packing: str, stream: Stream, limits: Limits) -> Iterator[Chunk]:
    """The whole file in chunks, in order. Raises `FileRejected`, maybe only at the very end."""
    if packing == "parquet":
        yield from _read_parquet(handle, stream, limits)
        return
    layout = _layout_of(handle, packing, limits)
    if layout == "array":
        if "array" not in stream.layouts:
            raise FileRejected(
                "array_not_expected",
                f"the file is a JSON array; {stream.source}.yml does not name 'array' among the "
                f"layouts of {stream.name}",
            )
        yield from _read_array(_whole(handle, packing, limits), limits)
    elif layout == "document":
        yield Chunk(
            lines=[one_line(_whole(handle, packing, limits))],
            max_line_bytes=limits.max_document_bytes,
        )
    else:
        yield from _cut(_blocks(handle, packing, limits), limits)


# ── unpacking ─────────────────────────────────────────────────────────────────────────────────


def _blocks(handle: BinaryIO, packing: str, limits: Limits) -> Iterator[bytes]:
    """Unpacked bytes, without a byte order mark."""
    handle.seek(0)
    unpack = {"plain": _plain, "gzip": _gunzip, "zstd": _unzstd}[packing]
    unpacked, is_first = 0, True
    for block in unpack(handle, limits.chunk_bytes):
        if not block:
            continue
        if is_first:
            is_first = False
            if packing != "plain":
                _refuse_unreadable(block[:8])
                if block.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1")):
                    raise FileRejected("unreadable_format", "it is packed twice; unpack it once")
            block = block.removeprefix(_BOM)
        unpacked += len(block)
        if unpacked > limits.max_unpacked_bytes:
            raise FileRejected(
                "too_large",
                f"it unpacks to more than {limits.max_unpacked_bytes // MIB} MiB; split it, or "
                "raise SIGHTLINE_MAX_UNPACKED_BYTES",
            )
        yield block


def _plain(handle: BinaryIO, size: int) -> Iterator[bytes]:
    while block := handle.read(size):
        yield block


def _gunzip(handle: BinaryIO, size: int) -> Iterator[bytes]:
    """Each member's CRC and length are checked by zlib; after the last there must be nothing."""
    member, members = None, 0
    try:
        while packed := handle.read(size // 4):
            while packed:
                if member is None:
                    packed = packed.lstrip(b"\0")  # padding, which gzip itself ignores
                    if not packed:
                        break
                    member = zlib.decompressobj(wbits=31)
                    members += 1
                yield member.decompress(packed, size)
                if member.eof:
                    packed, member = member.unused_data, None
                else:
                    packed = member.unconsumed_tail
        while member is not None and (block := member.decompress(b"", size)):
            yield block
    except zlib.error as error:
        is_header = "header" in str(error) and members > 1
        what = "something else follows the compressed data" if is_header else str(error)
        raise FileRejected("damaged_gzip", what) from None
    if member is not None and not member.eof:
        raise FileRejected("truncated_gzip", "the end of the compressed data is missing")


def _unzstd(handle: BinaryIO, size: int) -> Iterator[bytes]:
    # The stream knows each frame's end and checks the frame's checksum where there is one.
    try:
        stream = pa.CompressedInputStream(pa.PythonFile(_Lent(handle), mode="r"), "zstd")
        while block := stream.read(size):
            yield block
    except OSError as error:
        if error.errno is not None:  # the disk, not the data
            raise
        if "Truncated" in str(error):
            raise FileRejected(
                "truncated_zstd", "the end of the compressed data is missing"
            ) from None
        raise FileRejected("damaged_zstd", str(error).partition("\n")[0]) from None


class _Lent:
    """A file that stays open when its borrower, as Arrow's streams do, closes what it reads."""

    closed = False

    def __init__(self, handle: BinaryIO):
        self.read, self.seek, self.tell = handle.read, handle.seek, handle.tell

    def close(self) -> None:
        pass


def _whole(handle: BinaryIO, packing: str, limits: Limits) -> bytes:
    blocks, size = [], 0
    for block in _blocks(handle, packing, limits):
        blocks.append(block)
        size += len(block)
        if size > limits.max_document_bytes:
            raise FileRejected(
                "too_large",
                f"an array or a single body of more than {limits.max_document_bytes // MIB} MiB "
                "does not fit into memory; write one record a line, or raise "
                "SIGHTLINE_MAX_DOCUMENT_BYTES",
            )
    return b"".join(blocks)


# ── layouts ───────────────────────────────────────────────────────────────────────────────────


def _layout_of(handle: BinaryIO, packing: str, limits: Limits) -> str:
    """lines, array or document. A line that is broken does not turn lines into something else."""
    blocks = _blocks(handle, packing, limits)
    try:
        start = next(blocks, b"")
    except FileRejected:
        blocks.close()
        raise
    blocks.close()
    start = start.lstrip(_SPACE)
    first, _, rest = start.partition(b"\n")
    if not start.startswith((b"[", b"{")) or _is_json(first):
        is_array = start.startswith(b"[") and not rest.strip(_SPACE)
        return "array" if is_array else "lines"
    following = [line.strip() for line in rest.split(b"\n", 4)[:4]]
    has_records = any(_is_json(line, dict) for line in following if line)
    # A body over several lines, even where its entries have a line each.
    if start.startswith(b"{") and first.rstrip().endswith((b"{", b"[", b",")):
        try:
            one_line(_whole(handle, packing, limits))
            return "document"
        except (msgspec.DecodeError, RecursionError):
            return "lines"
        except FileRejected:
            if not has_records:
                raise
    if has_records:
        # A pretty array's entries end in commas or stand indented over lines: these are records.
        is_last_entry = start.startswith(b"[") and rest.strip(_SPACE).endswith(b"]")
        return "array" if is_last_entry else "lines"
    return "array" if start.startswith(b"[") else "lines"


def _is_json(text: bytes, wanted: type = object) -> bool:
    try:
        return isinstance(orjson.loads(text), wanted)
    except orjson.JSONDecodeError:
        return False


def _read_array(text: bytes, limits: Limits) -> Iterator[Chunk]:
    try:
        entries = msgspec.json.decode(text, type=list[msgspec.Raw])
    except RecursionError:
        raise FileRejected("too_deep", "an entry of the array is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise FileRejected("damaged_array", f"not one whole JSON array: {error}") from None
    lines: list[bytes] = []
    size = 0
    for entry in entries:
        line = bytes(entry)
        lines.append(one_line(line) if b"\n" in line else line)
        size += len(line)
        if size >= limits.chunk_bytes or len(lines) >= _LINES:
            yield Chunk(lines=lines, max_line_bytes=limits.max_line_bytes)
            lines, size = [], 0
    if lines:
        yield Chunk(lines=lines, max_line_bytes=limits.max_line_bytes)


def _cut(blocks: Iterator[bytes], limits: Limits) -> Iterator[Chunk]:
    """Chunks that end where a line ends. A line without end is measured, not held."""
    longest = limits.max_line_bytes
    carry = b""
    long_start, long_length, ends_in_return = b"", 0, False
    for block in blocks:
        if long_length:
            end = block.find(b"\n")
            if end:
                ends_in_return = block.endswith(b"\r", 0, end if end > 0 else None)
            if end < 0:
                long_length += len(block)
                continue
            length = long_length + end - ends_in_return
            yield Chunk(fault=too_long(1, long_start, length, longest))
            long_start, long_length = b"", 0
            block = block[end + 1 :]
        text = carry + block
        end = text.rfind(b"\n") + 1
        carry = text[end:]
        if end:
            for portion in _portions(text[:end]):
                yield Chunk(text=portion, max_line_bytes=longest)
        if len(carry.removesuffix(b"\r")) > longest:
            long_start, long_length, carry = carry[:256], len(carry), b""
            ends_in_return = text.endswith(b"\r")
    if long_length:
        yield Chunk(fault=too_long(1, long_start, long_length - ends_in_return, longest))
    elif carry:
        yield Chunk(text=carry, max_line_bytes=longest)


def _portions(text: bytes) -> Iterator[bytes]:
    """Whole lines, not too many at once: a line costs memory, be it as short as it may."""
    if text.count(b"\n") <= _LINES:
        yield text
        return
    middle = text.find(b"\n", len(text) // 2) + 1
    if middle in (0, len(text)):
        middle = text.find(b"\n") + 1
    yield from _portions(text[:middle])
    yield from _portions(text[middle:])


def lines_of(text: bytes) -> list[bytes]:
    lines = text.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if b"\r" in text:
        lines = [line.removesuffix(b"\r") for line in lines]
    return lines


# ── Parquet ───────────────────────────────────────────────────────────────────────────────────


def _read_parquet(handle: BinaryIO, stream: Stream, limits: Limits) -> Iterator[Chunk]:
    handle.seek(0)
    try:
        file = pq.ParquetFile(
            pa.PythonFile(_Lent(handle), mode="r"), page_checksum_verification=True, buffer_size=MIB
        )
        unpacked = sum(
            file.metadata.row_group(group).total_byte_size
            for group in range(file.metadata.num_row_groups)
        )
        if unpacked > limits.max_unpacked_bytes:
            raise FileRejected("too_large", f"it unpacks to {unpacked // MIB} MiB; split it")
        _refuse_bomb(file.metadata, limits)
        check_types(file.schema_arrow, stream)
        for batch in file.iter_batches(batch_size=_ROWS, use_threads=False):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            rows = sink.getvalue().to_pybytes()
            yield Chunk(rows=rows, max_line_bytes=limits.max_line_bytes)
    except MemoryError:  # Arrow's is one of its exceptions as well; the file is not to blame
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        first = str(error).strip().partition("\n")[0][:200]
        if "launch worker thread" in first:  # the machine is short of something, the file is whole
            raise MemoryError(first) from None
        raise FileRejected("damaged_parquet", first) from None


def _refuse_bomb(metadata: pq.FileMetaData, limits: Limits) -> None:
    """A column of a row group is unpacked at once: see what that comes to before it is done."""
    for group in range(metadata.num_row_groups):
        for at in range(metadata.num_columns):
            column = metadata.row_group(group).column(at)
            unpacked, packed = column.total_uncompressed_size, column.total_compressed_size
            if unpacked > limits.max_waste_bytes and unpacked > 100 * packed:
                raise FileRejected(
                    "expands_to_nothing",
                    f"a column of {packed} bytes unpacks to {unpacked // MIB} MiB: a decompression "
                    "bomb. If it is none, write smaller row groups",
                )

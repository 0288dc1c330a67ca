"""Between the two passes: each block's lines, cut by the file they belong to.

A block writes one spool file; what belongs to one output file is one compressed piece of it. The
second pass reads one output file's pieces from all blocks, so neither pass holds the world.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.dirt import Lines
from simulator.feeds import Versions
from simulator.parameters import DAY_MS

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")
Key = tuple


@dataclass(frozen=True)
class Piece:
    """Where one output file's share of a block lies in its spool file."""

    block: int
    offset: int
    length: int
    rows: int


class SpoolWriter:
    """Writes the pieces of one block, into an open file."""

    def __init__(self, file: BinaryIO, block: int):
        self._file, self._block = file, block
        self.pieces: dict[Key, Piece] = {}

    def add_lines(self, feed: int, lines: Lines, parts: int) -> None:
        """Cut a feed's lines by arrival day and part of the day, each piece in order of arrival."""
        day = lines.arrival // DAY_MS
        part = lines.arrival % DAY_MS * parts // DAY_MS
        order = np.lexsort((lines.arrival, part, day))
        index = pa.array(order)
        batch = pa.record_batch(
            {
                "line": lines.line.take(index),
                "arrival": lines.arrival[order],
                "dirt": lines.dirt[order],
                "detail": lines.detail.take(index),
            }
        )
        group = (day * parts + part)[order]
        starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]][: len(group)])
        for first, last in pairwise([*starts.tolist(), len(group)]):
            key = ("events", feed, int(group[first]) // parts, int(group[first]) % parts)
            self._add(key, batch.slice(first, last - first))

    def add_versions(self, versions: Versions) -> None:
        batch = pa.record_batch(
            {
                "entity": versions.entity.astype(np.int64),
                "since": versions.since.astype(np.int64),
                "line": versions.line,
            }
        )
        self._add(("extract", versions.source, versions.stream, versions.only_new), batch)

    def _add(self, key: Key, batch: pa.RecordBatch) -> None:
        if batch.num_rows == 0:
            return
        offset = self._file.tell()
        with pa.ipc.new_stream(self._file, batch.schema, options=_OPTIONS) as writer:
            writer.write_batch(batch)
        self.pieces[key] = Piece(self._block, offset, self._file.tell() - offset, batch.num_rows)


def spool_path(folder: Path, block: int) -> Path:
    return folder / f"block-{block:05d}.spool"


def read_piece(folder: Path, piece: Piece) -> pa.Table:
    descriptor = os.open(spool_path(folder, piece.block), os.O_RDONLY)
    try:
        data = os.pread(descriptor, piece.length, piece.offset)
    finally:
        os.close(descriptor)
    return pa.ipc.open_stream(data).read_all()


def truth_piece_path(folder: Path, table: str, number: int) -> Path:
    return folder / f"truth-{table}-{number:06d}.parquet"


def write_truth_piece(folder: Path, table: str, number: int, rows: pa.Table) -> None:
    if rows.num_rows:
        pq.write_table(rows, truth_piece_path(folder, table, number), compression="lz4")


def truth_pieces(folder: Path, table: str) -> Iterable[Path]:
    return sorted(folder.glob(f"truth-{table}-*.parquet"))

"""Dumps of the apps' own tables: full, weekly, each with the rows as they then were."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from simulator import texts
from simulator.event_files import FileCounts, file_path
from simulator.formats import EXTRACT_FORMATS
from simulator.parameters import DAY_MS, Plan
from simulator.spool import Piece, read_piece
from simulator.world import (
    CHUNKS_PER_MATERIAL,
    DIFFICULTY_NAMES,
    EXAMPLE_IDS,
    EXAMPLE_PROMPTS,
    MATERIAL_NAMES,
    MATERIALS_PER_TOPIC,
    OPTIONS,
    TOPIC_LEVELS,
    TOPIC_NAMES,
    World,
)
from simulator.writing import write_file

# A dump of an append-only table holds what is new since the dump before the last one.
ONLY_NEW_MS = 14 * DAY_MS


@dataclass(frozen=True)
class Dump:
    """One dump to be written: a table, the day at whose end it was made, and its rows' pieces."""

    source: str
    stream: str
    only_new: bool
    day: int
    pieces: tuple[Piece, ...]


def write_dump(plan: Plan, out: Path, dump: Dump) -> FileCounts | None:
    end = (dump.day + 1) * DAY_MS
    lines = []
    for piece in dump.pieces:
        table = read_piece(plan.spool, piece).combine_chunks()
        entity, since = table["entity"].to_numpy(), table["since"].to_numpy()
        known = since < end
        if dump.only_new:
            known &= since >= end - ONLY_NEW_MS
        rows = np.flatnonzero(known)
        rows = rows[np.lexsort((since[rows], entity[rows]))]
        latest = np.r_[entity[rows][1:] != entity[rows][:-1], True][: len(rows)]
        lines.append(table["line"].chunk(0).take(pa.array(rows[latest])))
    joined = pa.concat_arrays(lines) if lines else pa.array([], pa.string())
    return write_extract(plan, out, dump.source, dump.stream, dump.day, joined)


def write_extract(
    plan: Plan, out: Path, source: str, stream: str, day: int, lines: pa.StringArray
) -> FileCounts | None:
    if len(lines) == 0:
        return None
    form = EXTRACT_FORMATS[stream]
    relative = file_path(plan, source, stream, day, 0, form.extension)
    everything = np.ones(len(lines), dtype=bool)
    written = write_file(out / relative, stream, form, lines, everything)
    return FileCounts(
        relative.as_posix(),
        source,
        stream,
        "extract",
        relative.parts[2],
        form.records,
        form.compression,
        written.bytes,
        written.physical_lines,
        len(lines),
        len(lines),
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    )


def write_reference(plan: Plan, world: World, out: Path) -> list[FileCounts]:
    """StudyIn's reference tables: on the first day, then every fourth week, slightly changed."""
    counts = []
    for edition, day in enumerate(range(0, plan.days, 28)):
        for stream, rows in _reference_rows(world, edition).items():
            lines = pa.array([orjson.dumps(row).decode() + "\n" for row in rows])
            counts.append(write_extract(plan, out, "studyin", stream, day, lines))
    return counts


def _reference_rows(world: World, edition: int) -> dict[str, list[dict]]:
    topic_id, material_id = world.topic_id.to_pylist(), world.material_id.to_pylist()
    chunk_id, question_id = world.chunk_id.to_pylist(), world.question_id.to_pylist()
    topics = [
        {
            "id": topic_id[t],
            "name": TOPIC_NAMES[t],
            "level": TOPIC_LEVELS[world.topic_level[t]],
            "prerequisites": [topic_id[p] for p in world.prerequisites[t]],
            # The editors weigh two topics anew each time.
            "importance": round(
                min(1.0, float(world.topic_importance[t]) + 0.05 * edition * (t % 12 == 0)), 2
            ),
        }
        for t in range(world.topics)
    ]
    materials = [
        {
            "id": material_id[m],
            "filename": MATERIAL_NAMES[m],
            "page_count": int(world.material_pages[m]) + (edition if m % 10 == 0 else 0),
            "topic_id": topic_id[m // MATERIALS_PER_TOPIC],
        }
        for m in range(world.materials)
    ]
    chunks = [
        {
            "id": chunk_id[c],
            "chunk_index": c % CHUNKS_PER_MATERIAL,
            "topic_id": topic_id[c // CHUNKS_PER_MATERIAL // MATERIALS_PER_TOPIC],
            "material_id": material_id[c // CHUNKS_PER_MATERIAL],
        }
        for c in range(len(chunk_id))
    ]
    labels = len(DIFFICULTY_NAMES)
    questions = [
        {
            "id": question_id[q],
            "topic_id": topic_id[world.question_topic[q]],
            "question_type": "multiple_choice",
            # A few questions are relabelled from one edition to the next.
            "difficulty": DIFFICULTY_NAMES[
                (int(world.question_label[q]) + edition * (q % 97 == 5)) % labels
            ],
            "correct_answer": OPTIONS[world.question_answer[q]],
        }
        for q in range(world.questions)
    ]
    return {"topics": topics, "materials": materials, "chunks": chunks, "questions": questions}


def write_example_prompts(plan: Plan, out: Path, uses: np.ndarray) -> list[FileCounts]:
    """The example library; `uses` counts uses, example by dump."""
    totals = np.cumsum(uses, axis=1)
    ids = EXAMPLE_IDS.to_pylist()
    counts = []
    for number, day in enumerate(plan.dump_days()):
        rows = [
            {
                "id": ids[e],
                "title": f"Example {e + 1}",
                "text": texts.RESULTS[e % len(texts.RESULTS)],
                "category": ("planning", "writing", "assessment", "feedback")[e % 4],
                "gradeLevel": ("K-5", "6-8", "9-12")[e % 3],
                "type": ("lesson", "rubric")[e % 2],
                "useCount": int(totals[e, number]),
                "isActive": e % 11 != 10 or number < 2,
            }
            for e in range(EXAMPLE_PROMPTS)
        ]
        lines = pa.array([orjson.dumps(row).decode() + "\n" for row in rows])
        counts.append(write_extract(plan, out, "academy", "example_prompts", day, lines))
    return counts

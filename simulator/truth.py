"""The hidden truth, as Parquet beside the landing folder.

Per-person tables are written block by block while the world is simulated (see `block.py`) and
joined here; tables of the world itself and of the files are written once.
"""

import io
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.event_files import FileCounts
from simulator.parameters import APPS, Plan, parameter_table
from simulator.people import CONSENT_DENIED, CONSENT_UNSTATED, People
from simulator.spool import truth_pieces
from simulator.texts import COUNTRIES
from simulator.world import DIFFICULTY_NAMES, OPTIONS, TOPIC_LEVELS, TOPIC_NAMES, World
from simulator.writing import write_atomically

# Tables that the blocks and files write in pieces.
PIECED = (
    "people", "devices", "logins", "sessions", "active_days", "funnel_people", "learners",
    "topic_abilities", "abilities", "attempts", "prompt_quality", "experiment_arms",
    "missing_session_ends", "dirt",
)  # fmt: skip


def people_tables(plan: Plan, people: People) -> dict[str, pa.Table]:
    """Who the people are and which devices they use."""
    day = np.datetime64(plan.start.isoformat())
    stays = np.minimum(people.churn_day, 40_000)
    consent = np.where(
        people.consent == CONSENT_DENIED,
        "denied",
        np.where(people.consent == CONSENT_UNSTATED, "unstated", "given"),
    )
    persons = pa.table(
        {
            "person": people.number,
            "country": [COUNTRIES[c][0] for c in people.country],
            "utc_offset_hours": people.utc_offset_hours,
            "consent": consent.tolist(),
            "arrival_date": pa.array(day + people.arrival_day),
            "churn_date": pa.array(day + stays),
            "break_start": pa.array(day + people.break_from),
            "break_end": pa.array(day + people.break_to),
            "academy_user_id": people.academy_id,
            "studyin_user_id": people.study_id,
            "sketchychain_user_id": people.sketch_id,
            "interaction_log_user_id": people.log_id,
            **{f"uses_{app}": people.member[:, i] for i, app in enumerate(APPS)},
            **{
                f"daily_visits_{app}": np.round(people.daily_visits[:, i], 6)
                for i, app in enumerate(APPS)
            },
            "is_linked": people.is_linked,
            "shares_device": people.shares_device,
        }
    )
    who = np.concatenate([np.arange(people.n), np.arange(people.n)])
    device = people.device.T.ravel()
    two = people.device[:, 0] != people.device[:, 1]
    real = np.concatenate([np.ones(people.n, dtype=bool), two])
    devices = pa.table(
        {
            "person": people.number[who[real]],
            "device": people.device_id.take(pa.array(device[real])),
            "is_shared": people.device_shared[device[real]],
        }
    )
    return {"people": persons, "devices": devices}


def write_truth(
    plan: Plan,
    world: World,
    folder: Path,
    files: list[FileCounts],
    funnels: pa.Table,
    version: str,
) -> None:
    for name in PIECED:
        _join_pieces(plan.spool, name, folder / f"{name}.parquet")
    for name, table in {
        "parameters": parameter_table(plan, version),
        "files": pa.Table.from_pylist([asdict(f) for f in files]),
        "funnels": funnels,
        **_world_tables(world),
    }.items():
        write_table(folder / f"{name}.parquet", table)


def write_table(path: Path, table: pa.Table) -> None:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    write_atomically(path, sink.getvalue())


def _join_pieces(spool: Path, name: str, path: Path) -> None:
    """One table from its pieces, a piece in memory at a time; none at all means no such rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.tmp")
    writer = None
    for piece in truth_pieces(spool, name):
        table = pq.read_table(piece)
        if writer is None:
            writer = pq.ParquetWriter(
                hidden, table.schema, compression="zstd", write_page_checksum=True
            )
        writer.write_table(table)
    if writer is not None:
        writer.close()
        hidden.replace(path)
    else:
        path.unlink(missing_ok=True)


def _world_tables(world: World) -> dict[str, pa.Table]:
    topic_id = world.topic_id.to_pylist()
    pairs = [(t, p) for t, wanted in enumerate(world.prerequisites) for p in wanted]
    return {
        "topics": pa.table(
            {
                "topic_id": world.topic_id,
                "name": list(TOPIC_NAMES),
                "level": [TOPIC_LEVELS[i] for i in world.topic_level],
                "importance": world.topic_importance,
            }
        ),
        "prerequisites": pa.table(
            {
                "topic_id": [topic_id[t] for t, _ in pairs],
                "prerequisite_id": [topic_id[p] for _, p in pairs],
            }
        ),
        "questions": pa.table(
            {
                "question_id": world.question_id,
                "topic_id": world.topic_id.take(pa.array(world.question_topic)),
                "difficulty": world.question_difficulty,
                "label": [DIFFICULTY_NAMES[i] for i in world.question_label],
                "correct_answer": [OPTIONS[i] for i in world.question_answer],
                "is_faulty": world.question_faulty,
            }
        ),
    }

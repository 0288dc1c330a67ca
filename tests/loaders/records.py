"""Well-formed records of every stream, and the forms that files come in. All people are invented.

record("academy/tracking_events", 3)          one valid record, told apart by its number
lines([record(...), ...])                     as a file of JSON lines
"""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from loaders.checking import Records, check_lines
from loaders.lifting import Lifter
from loaders.privacy import Keyring
from loaders.shaping import shape
from loaders.sources import Stream

START = datetime(2026, 3, 2, 9, 15, 4, 120_000, tzinfo=UTC)
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/124.0.6367.91 Safari/537.36"
)


def moment(number: int) -> str:
    when = START + timedelta(seconds=37 * number)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shaped(lines: list[bytes], stream: Stream, keyring: Keyring) -> tuple[pa.RecordBatch, Records]:
    """What a chunk of these lines becomes, and what was found on the way."""
    lifted = Lifter(stream, keyring.fingerprint).chunk()
    found = check_lines(lines, 1, 1_000_000, lifted.take)
    return shape(found, lifted, stream, keyring), found


def _academy_event(n: int) -> dict:
    return {
        "id": f"evt-{n:08d}",
        "timestamp": moment(n),
        "eventType": "LLM_PROMPT",
        "eventCategory": "LLM_INTERACTION",
        "userId": f"user-{n % 7:06d}",
        "sessionId": f"session-{n % 11:06d}",
        "courseId": "course-1",
        "prompt": f"Explain recursion, part {n}",
        "metadata": {
            "anonymousId": f"anon-{n % 7:06d}",
            "action": "execute",
            "isAuthenticated": True,
        },
        "clientInfo": {"userAgent": BROWSER},
    }


def _studyin_event(n: int) -> dict:
    return {
        "event_id": f"5b1c0000-0000-4000-8000-{n:012d}",
        "timestamp": moment(n).removesuffix("Z"),
        "user_id": f"0b7e0000-0000-4000-8000-{n % 7:012d}",
        "session_id": f"5e550000-0000-4000-8000-{n % 11:012d}",
        "event_type": "question_submit",
        "question_id": f"question-{n % 5}",
        "properties": {"is_correct": n % 2 == 0, "time_to_answer_seconds": n},
    }


def _sketchychain_event(n: int) -> dict:
    return {
        "event_id": f"e-{n:08d}",
        "event_type": "prompt:submit",
        "timestamp": moment(n),
        "session_id": f"session-{n % 11:06d}",
        "user_id": f"painter-{n % 7:06d}",
        "sketch_id": f"sketch-{n % 5}",
        "properties": {"prompt_id": f"prompt-{n}"},
        "metadata": {"client_timestamp": moment(n), "app_version": "1.0.0"},
    }


def _interaction(n: int) -> dict:
    return {
        "timestamp": moment(n),
        "sessionId": f"session-{n % 11:06d}",
        "action": "click",
        "component": "GenerateButton",
        "details": {"count": n},
    }


STREAMS = {
    "academy/tracking_events": _academy_event,
    "academy/users": lambda n: {"id": f"user-{n:06d}", "createdAt": moment(n)},
    "academy/anonymous_tracking_profiles": lambda n: {
        "id": f"profile-{n}",
        "anonymousId": f"anon-{n:06d}",
        "userId": f"user-{n:06d}",
        "firstSeen": moment(n),
    },
    "academy/prompts": lambda n: {
        "id": f"prompt-{n}",
        "userId": f"user-{n:06d}",
        "promptText": "Explain recursion",
        "version": 1,
    },
    "academy/prompt_evaluations": lambda n: {
        "id": f"evaluation-{n}",
        "promptId": f"prompt-{n}",
        "evaluationData": {"taskClarity": {"score": 4}},
    },
    "academy/prompt_results": lambda n: {
        "id": f"result-{n}",
        "promptId": f"prompt-{n}",
        "resultText": "Recursion is …",
    },
    "academy/example_prompts": lambda n: {"id": f"example-{n}", "title": "A start", "useCount": n},
    "academy/user_identity_mappings": lambda n: {
        "userId": f"user-{n:06d}",
        "externalSystemIds": {"studyin": f"0b7e0000-0000-4000-8000-{n:012d}"},
    },
    "studyin/study_events": _studyin_event,
    "studyin/topics": lambda n: {"id": f"topic-{n}", "name": "Graphs", "level": "basic"},
    "studyin/materials": lambda n: {"id": f"material-{n}", "filename": "graphs.pdf"},
    "studyin/chunks": lambda n: {"id": f"chunk-{n}", "chunk_index": n, "topic_id": "topic-1"},
    "studyin/questions": lambda n: {"id": f"question-{n}", "topic_id": "topic-1"},
    "sketchychain/events": _sketchychain_event,
    "sketchychain/sketches": lambda n: {
        "sketch_id": f"sketch-{n}",
        "creator_user_id": f"painter-{n:06d}",
        "view_count": n,
    },
    "interaction_log/interactions": _interaction,
}
EVENT_STREAMS = [name for name in STREAMS if name.endswith(("events", "interactions"))]


def record(stream: str, number: int = 1, **changes: object) -> dict:
    """A valid record of the stream; `changes` replace its top-level fields (None stays null)."""
    return STREAMS[stream](number) | changes


def academy(number: int = 1, **changes: object) -> dict:
    return record("academy/tracking_events", number, **changes)


def to_json(value: object) -> bytes:
    """Compact, as apps write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def lines(records: list) -> bytes:
    """A file of JSON lines. Entries that are bytes already stand as they are."""
    return b"".join(
        (entry if isinstance(entry, bytes) else to_json(entry)) + b"\n" for entry in records
    )


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(content)
    return sink.getvalue().to_pybytes()


def gz(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def parquet(records: list[dict] | pa.Table, **options: object) -> bytes:
    # Not from_pylist: it knows the first record's fields only.
    table = records
    if not isinstance(records, pa.Table):
        table = pa.Table.from_struct_array(pa.array(records))
    sink = io.BytesIO()
    pq.write_table(table, sink, **({"write_page_checksum": True} | options))
    return sink.getvalue()

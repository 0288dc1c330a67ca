"""Records → the values that their source names, and what remains of each, as text.

Done record by record, right after it was read: nothing of the tree that JSON becomes has to be
kept for later, which is half of what reading JSON costs in Python. And done by a function that is
written for the stream, because this is the one place that touches every field of every record:
where a path leads is worked out once, not a million times.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import orjson

from loaders.checking import NotARecord, canonical, read_record
from loaders.privacy import strip_url
from loaders.sources import Path_, Stream


class Lifter:
    """How one stream's records are taken apart."""

    def __init__(self, stream: Stream, fingerprint: Callable[[bytes], bytes]):
        self.stream = stream
        # Read and left where it is: whether somebody is signed in is no personal data.
        self._read = stream.roles.get("authenticated", ())[:1]
        self.paths = [*self._read, *_paths_taken(stream)]
        self.width = len(self.paths) + stream.is_named_by_content
        known = {
            "fingerprint": fingerprint,
            "open_object": self._open,
            "dumps": orjson.dumps,
            "canonical": canonical,
            "strip_url": strip_url,
            "SORTED": orjson.OPT_SORT_KEYS,
            "MEASURED": {int, float, bool},
        }
        exec(compile(self._write(), f"<lifting {stream.table}>", "exec"), known)
        self._taking = known["taking"]

    def chunk(self) -> Lifted:
        """A place for the records of a chunk; its `take` is what they are given to."""
        lifted = Lifted(self)
        lifted.take = self._taking(lifted.values, lifted.rests, lifted.texts)
        return lifted

    def _write(self) -> str:
        """The function, as Python. For a stream that lifts `id` and `metadata.path`:

        def taking(values, rests, texts):
            def take(record):
                is_changed = False
                inner1 = record.get('metadata')
                if type(inner1) is not dict:
                    inner1, is_changed = open_object(record, ('metadata',), inner1, is_changed)
                if is_changed:
                    texts[len(rests)] = dumps(record)
                values.extend((record.pop('id', None), inner1.pop('path', None)))
                rests.append(dumps(record, option=SORTED))
            return take
        """
        stream = self.stream
        names: dict[Path_, str] = {(): "record"}
        lines = ["is_changed = False"]
        for prefix in stream.bags:
            outer, inner = names[prefix[:-1]], f"inner{len(names)}"
            names[prefix] = inner
            lines += [
                f"{inner} = {outer}.get({prefix[-1]!r})",
                f"if type({inner}) is not dict:",
                f"    {inner}, is_changed = open_object({outer}, {prefix!r}, {inner}, is_changed)",
            ]
        lines += ["if is_changed:", "    texts[len(rests)] = dumps(record)"]
        values = []
        if stream.is_named_by_content:
            # Of the record as it was sent: what the door drops tells records apart as well.
            values.append("fingerprint(canonical(record)).hex()")
        values += [f"{names[path[:-1]]}.get({path[-1]!r})" for path in self._read]
        values += [f"{names[path[:-1]]}.pop({path[-1]!r}, None)" for path in _paths_taken(stream)]
        lines.append(f"values.extend(({', '.join(values)},))")
        for path in stream.typed:
            inner, key = names[path[:-1]], repr(path[-1])
            lines.append(f"if type({inner}.get({key})) not in MEASURED: {inner}.pop({key}, None)")
        for path in stream.urls:
            inner, key = names[path[:-1]], repr(path[-1])
            lines.append(f"if type(url := {inner}.get({key})) is str:")
            lines.append(f"    {inner}[{key}] = strip_url(url)")
        lines.append("rests.append(dumps(record, option=SORTED))")
        body = "\n        ".join(lines)
        return (
            "def taking(values, rests, texts):\n"
            f"    def take(record):\n        {body}\n    return take"
        )

    def _open(
        self, outer: dict, prefix: Path_, value: object, is_changed: bool
    ) -> tuple[dict, bool]:
        """Stored rows and Parquet often hold an object as text: '{"a": 1}' is read as {"a": 1}.
        What is no object at all could hold anything anywhere, and is put aside."""
        if value is None:
            return {}, is_changed
        opened = {}
        if type(value) is str and value.startswith("{"):
            with suppress(NotARecord):
                opened = read_record(value.encode())
        is_lost = not opened and value not in ("", [], "{}", "null")  # PHP's {} is []
        if is_lost and prefix not in self.stream.coarse_bags:
            raise NotARecord("bad_value", f"{'.'.join(prefix)}: an object is due")
        outer[prefix[-1]] = opened
        return opened, True


class Lifted:
    """What was lifted out of a chunk's records, in their order."""

    take: Callable[[dict], None]

    def __init__(self, lifter: Lifter):
        self.values: list = []  # record after record
        self.rests: list[bytes] = []
        self.texts: dict[int, bytes] = {}  # whole records that are no longer what was read
        self._lifter = lifter

    def columns(self) -> dict[Path_ | str, list]:
        """The values by path; and by `event_id` what was made of the whole record."""
        lifter = self._lifter
        names = ["event_id"] * (lifter.width - len(lifter.paths)) + lifter.paths
        return {name: self.values[place :: lifter.width] for place, name in enumerate(names)}


def _paths_taken(stream: Stream) -> list[Path_]:
    """The paths whose values become columns, or go."""
    paths = [stream.event_id] if stream.event_id else []
    for role, entries in stream.roles.items():
        paths += entries if role != "authenticated" else ()
    if stream.is_events and stream.consent_path is not None:
        paths.append(stream.consent_path)
    for column in stream.columns:
        paths += column.paths
    paths += stream.personal
    return list(dict.fromkeys(paths))

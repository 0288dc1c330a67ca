"""What each app sends, read from `sources/<source>.yml` and checked before anything is loaded.

A source file names, for each stream, where in a record the event's id, type, time and identifiers
lie, and what is personal. A new app is a new file here; no Python changes.

    load_sources()["academy"].streams["tracking_events"].event_time  → [("timestamp",), …]
"""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from loaders.settings import PROJECT

SOURCES_FOLDER = Path(__file__).parent / "sources"
REGISTRY = PROJECT / "seeds" / "event_registry.csv"

TYPES = {
    "text": "varchar",
    "free_text": "varchar",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "json": "json",
    "key": "uuid",
    "user_keys": "json",
}
# What every raw table begins with, and what every table of events has: name, SQL type.
PLACE_COLUMNS = (
    ("load_id", "bigint not null"),
    ("file", "varchar not null"),
    ("line", "bigint not null"),
    ("item", "integer not null"),
    ("received_at", "timestamp not null"),
)
EVENT_COLUMNS = (
    ("event_key", "uuid not null"),
    ("event_id", "varchar not null"),
    ("event_type", "varchar not null"),
    ("occurred_at", "timestamp not null"),
    ("user_key", "uuid"),
    ("anonymous_key", "uuid"),
    ("client_session_key", "uuid"),
    ("blocked_identifiers", "varchar"),
    ("consent_mode", "varchar not null"),
    ("ip_prefix", "varchar"),
    ("country", "varchar"),
    ("browser", "varchar"),
    ("browser_version", "integer"),
    ("os", "varchar"),
    ("device_type", "varchar"),
    ("app_version", "varchar"),
)
# Kinds of identifier. Equal ids of one kind and app become equal keys, in every stream.
PURPOSES = ("user", "anonymous", "session", "prompt")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ROLES = (
    "event_type",
    "occurred_at",
    "received_at",
    "user_id",
    "anonymous_id",
    "session_id",
    "authenticated",
    "user_agent",
    "ip_address",
    "country",
    "browser",
    "browser_version",
    "os",
    "device_type",
    "app_version",
)
_COARSE = ("user_agent", "ip_address", "country")

Path_ = tuple[str, ...]


class SourceProblem(Exception):
    """A source file that cannot be used; the message names the file and the field."""


@dataclass(frozen=True)
class Column:
    """One of a stream's own columns of the raw table."""

    name: str
    paths: tuple[Path_, ...]
    type: str = "text"
    purpose: str | None = None
    of_person: bool = False  # names a thing that one person made, and so the person
    temporary: str | None = None  # an id that ends so is a user's id and this

    @property
    def sql_type(self) -> str:
        return TYPES[self.type]


@dataclass(frozen=True)
class Stream:
    """One kind of file of a source; one raw table."""

    source: str
    name: str
    kind: str
    zone: str
    layouts: tuple[str, ...]
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    batch: str | None = None
    event_id: Path_ | None = None
    roles: dict[str, tuple[Path_, ...]] = field(default_factory=dict)
    consent_path: Path_ | None = None
    consent_default: str = "full"
    user_id_sha256: bool = False
    sources: frozenset[str] = frozenset()  # all there are, and those of them with hashed ids
    sha256_sources: frozenset[str] = frozenset()
    free_text: tuple[Path_, ...] = ()
    personal: tuple[Path_, ...] = ()
    typed: tuple[Path_, ...] = ()
    urls: tuple[Path_, ...] = ()
    named: frozenset[str] = frozenset()

    @property
    def table(self) -> str:
        return f"{self.source}__{self.name}"

    @property
    def bags(self) -> list[Path_]:
        """The objects that the paths lead through, outer ones first."""
        paths = [path for paths in self.roles.values() for path in paths]
        paths += [path for path in (self.event_id, self.consent_path) if path is not None]
        paths += [path for column in self.columns for path in column.paths]
        paths += [*self.free_text, *self.personal, *self.typed, *self.urls]
        return sorted({path[:depth] for path in paths for depth in range(1, len(path))})

    @property
    def coarse_bags(self) -> set[Path_]:
        """Objects of which only what is made coarse anyway is read: without them little is lost."""
        coarse = [path for role in _COARSE for path in self.roles.get(role, ())]
        others = replace(self, roles={k: v for k, v in self.roles.items() if k not in _COARSE})
        return {path[:depth] for path in coarse for depth in range(1, len(path))} - set(others.bags)

    @property
    def is_named_by_content(self) -> bool:
        """The app sends no id: a hash of what it sends is one."""
        return self.is_events and self.event_id is None

    @property
    def is_events(self) -> bool:
        return self.kind == "events"


@dataclass(frozen=True)
class Source:
    name: str
    streams: dict[str, Stream]
    refused: dict[str, str]
    fingerprint: str


def load_sources(folder: Path = SOURCES_FOLDER, registry: Path = REGISTRY) -> dict[str, Source]:
    """All sources by name. Raises `SourceProblem` for the first thing that is wrong."""
    files = sorted(folder.glob("*.yml"))
    for other in sorted(folder.glob("*.yaml")):
        raise SourceProblem(f"{other.name}: is not read; source files end in .yml. Rename it")
    if not files:
        raise SourceProblem(f"{folder}: no source files (*.yml) here")
    documents = {path: _read_document(path) for path in files}
    hashed = frozenset(
        document["source"]
        for document in documents.values()
        if document.get("user_id_hash") == "sha256"
    )
    all_sources = frozenset(document["source"] for document in documents.values())
    named = _names_of_registry(registry)
    sources = {}
    for path, document in documents.items():
        known = named.get(document["source"], frozenset())
        reader = _Reader(path, document, known, all_sources, hashed)
        sources[document["source"]] = reader.source()
    return sources


def _read_document(path: Path) -> dict:
    try:
        document = yaml.load(path.read_text("utf-8"), _UniqueKeys)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise SourceProblem(
            f"{path.name}{line}: not readable as YAML: {getattr(error, 'problem', error)}"
        ) from None
    if not isinstance(document, dict):
        raise SourceProblem(f"{path.name}: expected fields such as 'source' and 'streams'")
    if document.get("source") != path.stem:
        raise SourceProblem(
            f"{path.name}: source: must be {path.stem!r} like the file's name, "
            f"not {document.get('source')!r}"
        )
    return document


@cache
def _names_of_registry(path: Path) -> dict[str, frozenset[str]]:
    """Per source, the last parts of all field names that the event registry knows."""
    names: dict[str, set[str]] = {}
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            fields = f"{row.get('required_fields') or ''} {row.get('optional_fields') or ''}"
            names.setdefault(row["source_app"], set()).update(
                entry.rpartition(":")[0].rpartition(".")[2] for entry in fields.split()
            )
    return {source: frozenset(entries) for source, entries in names.items()}


class _UniqueKeys(yaml.SafeLoader):
    """YAML lets a key come twice and takes the last; here it is a slip of the pen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, (mark, _) in zip(keys, node.value, strict=True):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} stands here twice", mark.start_mark
                )
        return super().construct_mapping(node, deep)


class _Reader:
    """Reads one source file; every complaint names the file and the field."""

    def __init__(
        self,
        path: Path,
        document: dict,
        named: frozenset[str],
        sources: frozenset[str],
        hashed: frozenset[str],
    ):
        self.file, self.document, self.named = path.name, document, named
        self.sources, self.hashed = sources, hashed
        self.text = path.read_bytes()

    def fail(self, where: str, what: str):
        raise SourceProblem(f"{self.file}: {where}: {what}")

    def source(self) -> Source:
        name = self.document["source"]
        if not _NAME.fullmatch(name):
            self.fail("source", "small letters, digits and _ only, beginning with a letter")
        known = {"source", "timezone", "consent", "user_id_hash", "refused", "streams"}
        self._only(self.document, known, "")
        if self.document.get("user_id_hash") not in (None, "sha256"):
            self.fail("user_id_hash", "only 'sha256' is known")
        streams = self._mapping(self.document.get("streams"), "streams")
        if not streams:
            self.fail("streams", "at least one is needed")
        refused = self._mapping(self.document.get("refused") or {}, "refused")
        return Source(
            name=name,
            streams={stream: self._stream(name, stream, spec) for stream, spec in streams.items()},
            refused={str(stream): str(reason) for stream, reason in refused.items()},
            fingerprint=hashlib.sha256(self.text).hexdigest()[:16],
        )

    def _stream(self, source: str, name: str, spec: object) -> Stream:
        at = f"streams.{name}"
        if not _NAME.fullmatch(str(name)):
            self.fail(at, "small letters, digits and _ only, beginning with a letter")
        spec = self._mapping(spec, at)
        kind = spec.get("kind")
        if kind not in ("events", "entities"):
            self.fail(f"{at}.kind", f"must be 'events' or 'entities', not {kind!r}")
        shared = {"kind", "layouts", "columns", "timezone"}
        shared |= {"free_text", "personal", "typed", "urls"}
        own = {"event_id", "batch", *_ROLES} if kind == "events" else {"key"}
        self._only(spec, shared | own, at)
        layouts = self._texts(spec.get("layouts", ["lines"]), f"{at}.layouts")
        for layout in layouts:
            if layout not in ("lines", "array"):
                self.fail(f"{at}.layouts", f"'lines' or 'array', not {layout!r}")
        taken = {name for name, _ in PLACE_COLUMNS} | {"properties"}
        if kind == "events":
            # Roles as well: both are kept by name until they are columns.
            taken |= {name for name, _ in EVENT_COLUMNS} | {*_ROLES, "event_id", "consent"}
        for column in spec.get("columns") or {}:
            if column in taken:
                self.fail(f"{at}.columns.{column}", "every such table has a column of this name")
        columns = tuple(
            self._column(column, value, f"{at}.columns.{column}")
            for column, value in self._mapping(spec.get("columns") or {}, f"{at}.columns").items()
        )
        roles = {role: self._paths(spec[role], f"{at}.{role}") for role in _ROLES if role in spec}
        marked = {
            what: tuple(
                path
                for entry in self._texts(spec.get(what) or [], f"{at}.{what}")
                for path in self._paths(entry, f"{at}.{what}")
            )
            for what in ("free_text", "personal", "typed", "urls")
        }
        batch = spec.get("batch")
        if batch is not None and not isinstance(batch, str):
            self.fail(f"{at}.batch", f"the name of a list in a body, not {batch!r}")
        event_id = None
        if kind == "events":
            for role in ("event_id", "event_type", "occurred_at"):
                if role not in spec:
                    self.fail(f"{at}.{role}", "an event stream needs it")
            if spec["event_id"] != "content":
                (event_id,) = self._paths(spec["event_id"], f"{at}.event_id")
        key = tuple(self._texts(spec.get("key") or [], f"{at}.key"))
        if kind == "entities":
            if not key:
                self.fail(f"{at}.key", "an entity stream needs the columns that tell rows apart")
            for column in key:
                if column not in {entry.name for entry in columns}:
                    self.fail(f"{at}.key", f"{column!r} is not one of the columns")
        consent_path, consent_default = self._consent()
        paths = [path for entry in (*roles.values(), marked["urls"]) for path in entry]
        paths += [path for column in columns for path in column.paths]
        # What is typed by a person or personal in one place is so under that name anywhere.
        kinds = ("free_text", "personal", "typed")
        typed = {path[-1] for what in kinds for path in marked[what]}
        return Stream(
            source=source,
            name=name,
            kind=kind,
            zone=self._zone(spec, at),
            layouts=tuple(layouts),
            columns=columns,
            key=key,
            batch=batch,
            event_id=event_id,
            roles=roles,
            consent_path=consent_path,
            consent_default=consent_default,
            user_id_sha256=self.document.get("user_id_hash") == "sha256",
            sources=self.sources,
            sha256_sources=self.hashed,
            named=(self.named | {path[-1] for path in paths}) - typed,
            **marked,
        )

    def _column(self, name: str, value: object, at: str) -> Column:
        if not _NAME.fullmatch(str(name)):
            self.fail(at, "small letters, digits and _ only, beginning with a letter")
        if isinstance(value, str | list):
            return Column(name, self._paths(value, at))
        value = self._mapping(value, at)
        self._only(value, {"path", "type", "purpose", "of_person", "temporary"}, at)
        if "path" not in value:
            self.fail(f"{at}.path", "is missing")
        type_ = value.get("type", "text")
        if type_ not in TYPES:
            self.fail(f"{at}.type", f"one of {', '.join(TYPES)}; not {type_!r}")
        purpose = value.get("purpose")
        if (type_ == "key") != (purpose is not None):
            self.fail(f"{at}.purpose", "belongs to type 'key', and type 'key' needs it")
        if purpose is not None and purpose not in PURPOSES:
            self.fail(f"{at}.purpose", f"one of {', '.join(PURPOSES)}; not {purpose!r}")
        of_person, temporary = value.get("of_person", False), value.get("temporary")
        if type(of_person) is not bool or (of_person and type_ != "text"):
            self.fail(f"{at}.of_person", "true or false, and for type 'text' only")
        if temporary is not None and (type_ != "key" or not isinstance(temporary, str)):
            self.fail(f"{at}.temporary", "an ending such as -temp, and for type 'key' only")
        paths = self._paths(value["path"], f"{at}.path")
        return Column(name, paths, type_, purpose, of_person, temporary)

    def _consent(self) -> tuple[Path_ | None, str]:
        consent = self._mapping(self.document.get("consent") or {}, "consent")
        self._only(consent, {"path", "default"}, "consent")
        default = consent.get("default", "full")
        if default not in ("full", "anonymous"):
            self.fail("consent.default", f"'full' or 'anonymous', not {default!r}")
        if "path" not in consent:
            return None, default
        (path,) = self._paths(consent["path"], "consent.path")
        return path, default

    def _zone(self, spec: dict, at: str) -> str:
        where = f"{at}.timezone" if "timezone" in spec else "timezone"
        zone = spec.get("timezone", self.document.get("timezone"))
        if zone is None:
            self.fail("timezone", "say which zone a timestamp without one is in, e.g. UTC")
        try:
            ZoneInfo(str(zone))
        except (KeyError, ValueError, OSError):
            self.fail(where, f"{zone!r} is no time zone; one is Europe/Berlin, another UTC")
        return str(zone)

    def _paths(self, value: object, at: str) -> tuple[Path_, ...]:
        entries = value if isinstance(value, list) else [value]
        if not entries:
            self.fail(at, "at least one path is needed")
        for entry in entries:
            if not isinstance(entry, str) or not entry or not all(entry.split(".")):
                self.fail(at, f"a path such as metadata.userId, not {entry!r}")
        return tuple(tuple(entry.split(".")) for entry in entries)

    def _texts(self, value: object, at: str) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            self.fail(at, f"a list of names, not {value!r}")
        return value

    def _mapping(self, value: object, at: str) -> dict:
        if not isinstance(value, dict):
            self.fail(at, f"expected 'name: value' lines, not {value!r}")
        return value

    def _only(self, mapping: dict, known: set[str], at: str) -> None:
        for name in mapping:
            if name not in known:
                where = f"{at}.{name}" if at else str(name)
                meant = get_close_matches(str(name), sorted(known), 1)
                hint = f" (is {meant[0]} meant?)" if meant else ""
                self.fail(where, f"is not known here{hint}; known are {', '.join(sorted(known))}")

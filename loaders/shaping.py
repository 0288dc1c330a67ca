"""Records → the columns of a raw table, with personal data gone.

Column by column over a whole chunk, so that Python's share of the work is a few list
comprehensions. The order matters and is the privacy design:

    1. what the source names is lifted out of the records
    2. records without id, type or time are put aside
    3. consent decides which identifiers there are at all
    4. a record's own identifiers are hidden wherever else in it they stand
    5. identifiers become keys, addresses and agents coarse
    6. what remains is `properties`, written once, then looked at for what points at a person
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import compress
from operator import itemgetter

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from loaders import privacy
from loaders.checking import Fault, NotARecord, Records, canonical, read_record
from loaders.privacy import NOBODY, SHORTEST_INSIDE, Keyring, Name, name_identifier
from loaders.sources import EVENT_COLUMNS, PLACE_COLUMNS, Column, Stream
from loaders.times import parse_times, within_reason
from loaders.user_agents import NOTHING, describe_client

_LOOK_AGAIN = f"(?i:{privacy.SUSPICIOUS}|{privacy.SUSPICIOUS_KEYS})"
_UUID = pa.uuid()
_JSON = pa.json_(pa.string())
_UUID_TEXT = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
_PEOPLE = ("user_id", "anonymous_id", "session_id")
_PERSONAL = (*_PEOPLE, "user_agent", "ip_address")
_BAGS = {dict, type(None)}
_MEASURED = {int, float, bool}

_ARROW_TYPES = {
    "varchar": pa.string(),
    "json": _JSON,  # DuckDB believes it; a plain text it would parse once more
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "uuid": _UUID,
}
# The file's own, which the writer adds; and what DuckDB makes of the id.
_ADDED_LATER = ("load_id", "file", "event_key")


def shape(found: Records, stream: Stream, keyring: Keyring) -> pa.RecordBatch:
    """The chunk's columns. Records that lack what their stream promises become faults."""
    return _Shaper(found, stream, keyring).batch()


class _Shaper:
    def __init__(self, found: Records, stream: Stream, keyring: Keyring):
        self.found, self.stream, self.keyring = found, stream, keyring
        self.values: dict[str, list] = {}  # lifted out of the records, by role or column
        self.columns: dict[str, pa.Array] = {}
        self.faults: dict[int, tuple[str, str]] = {}
        self._bags: dict[tuple[str, ...], list[dict]] = {}
        self._present: dict[tuple[str, ...], set[str]] = {}

    def batch(self) -> pa.RecordBatch:
        stream = self.stream
        self._open_bags()
        if stream.is_events and stream.event_id is None:
            # Of the record as it was sent: what the door drops tells records apart as well.
            fingerprint = self.keyring.fingerprint
            self.values["event_id"] = [
                fingerprint(canonical(record)).hex() for record in self.found.records
            ]
        self._lift_all()
        if stream.is_events:
            self._judge_events()
            self.consenting = self._consent()
            self._hide_own_identifiers()
            self._events()
        else:
            self._judge_entities()
            self.consenting = [True] * len(self.found.records)
            self._hide_own_identifiers()
        for column in stream.columns:
            self.columns[column.name] = getattr(self, f"_{column.type}")(column)
        self._properties()
        self.columns["line"] = pa.array(self.found.lines, pa.int64())
        self.columns["item"] = pa.array(self.found.items, pa.int32())
        if "received_at" not in self.columns:
            self.columns["received_at"] = pa.nulls(len(self.found.records), pa.timestamp("us"))
        schema = arrow_schema(stream)
        columns = [
            pa.ExtensionArray.from_storage(field.type, self.columns[field.name])
            if field.type == _JSON
            else self.columns[field.name]
            for field in schema
        ]
        return pa.record_batch(columns, schema=schema)

    # ── reading and lifting ───────────────────────────────────────────────────────────────────

    def _parents(self, path: tuple[str, ...]) -> list[dict]:
        """The object that holds the path's last key, for each record; an empty one for none."""
        if len(path) == 1:
            return self.found.records
        prefix = path[:-1]
        if prefix not in self._bags:
            key = prefix[-1]
            self._bags[prefix] = [
                inner if type(inner := parent.get(key)) is dict else {}
                for parent in self._parents(prefix)
            ]
        return self._bags[prefix]

    def _lift(self, paths: Iterable[tuple[str, ...]], is_personal: bool = False) -> list:
        """Take the values out of the records; of several paths the first that holds one. Of what
        is personal the others go as well: no second user id stays behind."""
        values: list = []
        for path in paths:
            key, parents = path[-1], self._parents(path)
            if key not in self._keys(path):
                continue
            if not values:
                values = [parent.pop(key, None) for parent in parents]
            elif is_personal or None in values:
                values = [
                    parent.pop(key, None)
                    if value is None or (is_personal and key in parent)
                    else value
                    for value, parent in zip(values, parents, strict=True)
                ]
        return values or [None] * len(self.found.records)

    def _keys(self, path: tuple[str, ...]) -> set[str]:
        """The keys that occur at all beside the path's last: most that may be are not."""
        prefix = path[:-1]
        if prefix not in self._present:
            self._present[prefix] = set().union(*self._parents(path))
        return self._present[prefix]

    def _lift_all(self) -> None:
        stream, values = self.stream, self.values
        if stream.event_id is not None:
            values["event_id"] = self._lift((stream.event_id,))
        for role, paths in stream.roles.items():
            if role == "authenticated":  # read, and left where it is: it is no personal data
                values[role] = [parent.get(paths[0][-1]) for parent in self._parents(paths[0])]
            else:
                values[role] = self._lift(paths, role in _PERSONAL)
        if stream.is_events and stream.consent_path is not None:
            values["consent"] = self._lift((stream.consent_path,))
        for column in stream.columns:
            values[column.name] = self._lift(column.paths, column.type == "key")
        for name in self._maps():
            opened = (_json_in(value) if type(value) is str else value for value in values[name])
            values[name] = list(opened)

    def _role(self, role: str) -> list:
        return self.values.get(role) or [None] * len(self.found.records)

    def _give_back(self, column: Column, place: int, value: object) -> None:
        """What does not fit its column stays readable in properties: dbt judges it."""
        bag = self.found.records[place]
        for key in column.paths[0][:-1]:
            bag = bag.setdefault(key, {})
            if type(bag) is not dict:
                return
        bag.setdefault(column.paths[0][-1], value)

    def _open_bags(self) -> None:
        """Stored rows and Parquet often hold a bag as text: '{"a": 1}' is read as {"a": 1}. What
        is no object at all could hold anything anywhere, and is put aside."""
        coarse = self.stream.coarse_bags
        for prefix in self.stream.bags:
            key, parents = prefix[-1], self._parents(prefix)
            bags = [parent.get(key) for parent in parents]
            if set(map(type, bags)) <= _BAGS:
                self._bags[prefix] = [bag or {} for bag in bags] if None in bags else bags
                continue
            for place, (parent, bag) in enumerate(zip(parents, bags, strict=True)):
                if type(bag) in _BAGS:
                    continue
                opened = None
                if type(bag) is str and bag.startswith("{"):
                    with contextlib.suppress(NotARecord):
                        opened = read_record(bag.encode())
                if opened is not None:
                    self.found.texts[place] = b""  # written anew below
                elif bag not in ("", [], "null") and prefix not in coarse:  # PHP's {} is []
                    due = f"{'.'.join(prefix)}: an object is due"
                    self.faults.setdefault(place, ("bad_value", due))
                parent[key] = opened or {}
        texts, records = self.found.texts, self.found.records
        if b"" in texts:
            self.found.texts = [
                text or orjson.dumps(record) for text, record in zip(texts, records, strict=True)
            ]

    # ── structure ─────────────────────────────────────────────────────────────────────────────

    def _judge_events(self) -> None:
        """Note the records that lack an id, a type or a time, and go on without them."""
        stream, faults = self.stream, self.faults
        ids, types, times = (
            self.values[role] for role in ("event_id", "event_type", "occurred_at")
        )
        if not _are_words(ids):
            for place, value in enumerate(ids):
                if type(value) not in (str, int) or not str(value).strip():
                    faults.setdefault(place, ("missing_id", ".".join(stream.event_id)))
        if not _are_words(types):
            where = ".".join(stream.roles["event_type"][0])
            for place, value in enumerate(types):
                if type(value) is not str or not value.strip():
                    faults.setdefault(place, ("missing_type", where))
        self.times = parse_times(times, stream.zone)
        plausible = within_reason(self.times)
        if not pc.all(plausible.fill_null(False), min_count=0).as_py():
            where = ".".join(stream.roles["occurred_at"][0])
            for place, is_plausible in enumerate(plausible.to_pylist()):
                if times[place] is None:
                    faults.setdefault(place, ("missing_time", where))
                elif is_plausible is None:
                    faults.setdefault(place, ("bad_time", where))
                elif not is_plausible:
                    out = f"{where}: before 2000 or after 2099"
                    faults.setdefault(place, ("time_out_of_range", out))
        if faults:
            wanted = self._put_aside(faults)
            self.times = self.times.filter(pa.array(wanted))

    def _judge_entities(self) -> None:
        """An extract's row without its key, or with a value of another type, is no such row."""
        faults = self.faults
        for column in self.stream.columns:
            values, where = self.values[column.name], ".".join(column.paths[0])
            if column.name in self.stream.key:
                for place, value in enumerate(values):
                    if name_identifier(value)[0] is None:
                        faults.setdefault(place, ("missing_id", where))
            if column.type in _CHECKS:
                fits, wanted = _CHECKS[column.type]
                for place, value in enumerate(values):
                    if value is not None and not fits(value):
                        faults.setdefault(place, ("bad_value", f"{where}: {wanted} is due"))
            elif column.type == "timestamp":
                times = parse_times(values, self.stream.zone)
                for place, time in enumerate(times.to_pylist() if times.null_count else ()):
                    if values[place] is not None and time is None:
                        faults.setdefault(place, ("bad_time", where))
        if faults:
            self._put_aside(faults)

    def _put_aside(self, faults: dict[int, tuple[str, str]]) -> list[bool]:
        found = self.found
        for place, (reason, detail) in sorted(faults.items()):
            text = found.texts[place]
            found.faults.append(
                Fault(found.lines[place], found.items[place], reason, detail, text, len(text))
            )
        wanted = [place not in faults for place in range(len(found.records))]
        found.keep(wanted)
        self._bags.clear()
        for name, values in self.values.items():
            self.values[name] = list(compress(values, wanted))
        return wanted

    # ── people ────────────────────────────────────────────────────────────────────────────────

    def _consent(self) -> list[bool]:
        """Whether each record may be kept in full. A word that we do not know is a no."""
        default = self.stream.consent_default == "full"
        answers = self._role("consent")
        if _is_empty(answers):
            return [default] * len(answers)
        return [default if answer is None else _is_yes(answer) for answer in answers]

    def _hide_own_identifiers(self) -> None:
        """An id that stands where no id is declared (a path, a message, a title) is a leak."""
        stream, names = self.stream, self.keyring.names
        declared = [role for role in _PEOPLE if role in self.values]
        declared += [column.name for column in stream.columns if column.type == "key"]
        self.people = {name: names.of(self.values[name]) for name in declared}
        texts = self.found.texts
        for name, named in self.people.items():
            if _is_empty(self.values[name]):
                continue
            needles = list(map(itemgetter(2), named))
            counts = list(map(bytes.count, texts, needles))
            # A number that is an id stands without the quotes that a short text is looked for in.
            most = 1 if self.keyring.names.are_texts(self.values[name]) else 0
            if max(counts, default=0) <= most:  # each stands only where it was read from
                continue
            for place in [place for place, count in enumerate(counts) if count > most]:
                if counts[place] > self._told(place, needles[place]):
                    self._hide(place, named[place].text, f"[{_kind_of(name)}]")
        for name in self._maps():
            self._hide_mapped(self.values[name])

    def _told(self, place: int, needle: bytes) -> int:
        """How often an id stands in what becomes a key: nearly always that is everywhere (a
        visitor's id in the user's place, an id made of another)."""
        values = [self.values[name][place] for name in (*self.people, *self._maps())]
        return sum(orjson.dumps(value).count(needle) for value in values if value is not None)

    def _maps(self) -> list[str]:
        return [column.name for column in self.stream.columns if column.type == "user_keys"]

    def _hide_mapped(self, maps: list) -> None:
        """The ids that a person has in other apps are a person's as well."""
        for place, mapped in enumerate(maps):
            ids = mapped.values() if type(mapped) is dict else ()
            for name in self.keyring.names.of(list(ids)):
                count = self.found.texts[place].count(name.needle)
                if name.text is not None and count > self._told(place, name.needle):
                    self._hide(place, name.text, "[user]")

    def _hide(self, place: int, identifier: str, shown: str) -> None:
        consents = self.consenting[place]
        kept = {*self.people, *self._maps(), "occurred_at", "received_at"}
        for name in self.values.keys() - kept:
            value = self.values[name][place]
            if type(value) in (dict, list):
                _replace_in(value, identifier, shown)
            after = _without(str(value or ""), identifier, shown)
            if type(value) not in (str, int) or after == str(value):
                continue
            if name.endswith("_id"):
                # An id has to stay one id. Without consent it may not be one across sessions.
                keeps = consents or name == "event_id"
                after = self.keyring.ids.hide(str(value)) if keeps else None
            self.values[name][place] = after
        _replace_in(self.found.records[place], identifier, shown)

    def _events(self) -> None:
        words = self.keyring.words
        self.columns["event_id"] = self._event_ids(self.values["event_id"])
        types = [words[value] for value in self.values["event_type"]]
        self.columns["event_type"] = pa.array(types, pa.string())
        self.columns["occurred_at"] = self.times
        if "received_at" in self.values:
            received = parse_times(self.values["received_at"], self.stream.zone)
            self.columns["received_at"] = pc.if_else(within_reason(received), received, None)
        self._people()
        self._clients()

    def _event_ids(self, values: list) -> pa.Array:
        # Hardly two are equal, so they are looked at together and not remembered.
        texts = values if set(map(type, values)) <= {str} else list(map(str, values))
        column = pa.array(texts, pa.string())
        # A tenth of all UUIDs have nine digits in a row; none of them is a phone number.
        is_uuid = pc.match_substring_regex(column, _UUID_TEXT)
        if pc.all(is_uuid, min_count=0).as_py():
            return column
        suspicious = pc.match_substring_regex(column, privacy.SUSPICIOUS)
        places = pc.indices_nonzero(pc.and_not(suspicious, is_uuid)).to_pylist()
        if not places:
            return column
        for place in places:
            if privacy.scrub(texts[place], free=False) != texts[place]:
                texts[place] = self.keyring.ids.hide(texts[place])
        return pa.array(texts, pa.string())

    def _people(self) -> None:
        stream, keyring = self.stream, self.keyring
        nobody = [NOBODY] * len(self.found.records)
        named = [self.people.get(role, nobody) for role in _PEOPLE]
        users, devices, sessions = ([name[0] for name in names] for names in named)
        self.columns["blocked_identifiers"] = _blocked(named)
        # Some servers write the visitor's id where the user's belongs.
        if "authenticated" in self.values or "anonymous_id" in stream.roles:
            pairs = zip(users, devices, self._role("authenticated"), strict=True)
            for place in [
                place
                for place, (user, device, is_signed_in) in enumerate(pairs)
                if user is not None and (user == device or _is_no(is_signed_in))
            ]:
                devices[place] = devices[place] or users[place]
                users[place] = None
        anonymous = [place for place, consents in enumerate(self.consenting) if not consents]
        visits = {place: self._visit(place, sessions[place]) for place in anonymous}
        for place in anonymous:
            users[place] = devices[place] = sessions[place] = None
        keys = keyring.column
        user_keys = keys("user", stream.source, stream.user_id_sha256)
        device_keys, session_keys = keys("anonymous", stream.source), keys("session", stream.source)
        devices = [device_keys[device] for device in devices]
        sessions = [session_keys[session] for session in sessions]
        for place, (visit, session) in visits.items():
            devices[place], sessions[place] = visit, session
        self.columns["user_key"] = _uuids([user_keys[user] for user in users])
        self.columns["anonymous_key"] = _uuids(devices)
        self.columns["client_session_key"] = _uuids(sessions)
        modes = pa.array(["anonymous", "full"])
        self.columns["consent_mode"] = modes.take(pa.array(self.consenting).cast(pa.int8()))

    def _visit(self, place: int, session: str | None) -> tuple[bytes, bytes | None]:
        """Keys for who did not consent. They live as long as the session (without one, as long
        as the event), and are no keys of anything that is kept in full."""
        source, digest = self.stream.source, self.keyring.digest
        if session is None:
            event_id = str(self.values["event_id"][place])
            return digest(f"visit of an event\x1f{source}", event_id), None
        return (
            digest(f"visit\x1f{source}", session),
            digest(f"closed session\x1f{source}", session),
        )

    def _clients(self) -> None:
        agents = self.values.get("user_agent")
        clients = agents and [_client(agent) if type(agent) is str else NOTHING for agent in agents]
        # What the app says of the client wins over what its user agent lets guess.
        for name, part, read, type_ in (
            ("browser", 0, _label, pa.string()),
            ("browser_version", 1, _major, pa.int32()),
            ("os", 2, _label, pa.string()),
            ("device_type", 3, _label, pa.string()),
        ):
            told = self.values.get(name)
            if clients and told:
                told = [
                    client[part] if value is None else read(value)
                    for value, client in zip(told, clients, strict=True)
                ]
            elif clients:
                told = [client[part] for client in clients]
            elif told:
                told = [None if value is None else read(value) for value in told]
            self._add(name, told, type_)
        for name, read in (("country", _country), ("app_version", _version)):
            told = self.values.get(name)
            self._add(name, told and [value and read(value) for value in told], pa.string())
        addresses = self.values.get("ip_address")
        networks = addresses and [
            _network(address) if consents and type(address) is str else None
            for address, consents in zip(addresses, self.consenting, strict=True)
        ]
        self._add("ip_prefix", networks, pa.string())

    def _add(self, name: str, values: list | None, type_: pa.DataType) -> None:
        if not values or _is_empty(values):
            self.columns[name] = pa.nulls(len(self.found.records), type_)
        else:
            self.columns[name] = pa.array(values, type_)

    # ── the stream's own columns, a method a type ─────────────────────────────────────────────

    def _text(self, column: Column) -> pa.Array:
        values = self.values[column.name]
        if _is_empty(values):
            return pa.nulls(len(values), pa.string())
        shown = self.keyring.ids if column.name.endswith("_id") else self.keyring.words
        if set(map(type, values)) <= _PLAIN:
            return pa.array([shown[value] for value in values], pa.string())
        return self._fitting(column, _is_text, lambda value: shown[str(value)], pa.string())

    def _free_text(self, column: Column) -> pa.Array:
        texts = [
            None if value is None or not consents else _as_text(value)
            for value, consents in zip(self.values[column.name], self.consenting, strict=True)
        ]
        suspicious = pc.match_substring_regex(pa.array(texts, pa.string()), privacy.SUSPICIOUS)
        for place in pc.indices_nonzero(suspicious.fill_null(False)).to_pylist():
            texts[place] = privacy.scrub(texts[place])
        return pa.array(texts, pa.string())

    def _key(self, column: Column) -> pa.Array:
        if _is_empty(self.values[column.name]):
            return _uuids(self.values[column.name])
        hashed = column.purpose == "user" and self.stream.user_id_sha256
        keys = self.keyring.column(column.purpose, self.stream.source, hashed)
        names = self.people[column.name]
        # Such an id can be a person's, or hold one: without consent there is none.
        return _uuids(
            [
                keys[name.text] if consents else None
                for name, consents in zip(names, self.consenting, strict=True)
            ]
        )

    def _user_keys(self, column: Column) -> pa.Array:
        """{"app": "the person's id there"} → the same with keys, each hashed as that app's are."""
        keys = [self._key_by_source(value) for value in self.values[column.name]]
        return pa.array(keys, pa.string())

    def _key_by_source(self, value: object) -> str | None:
        if type(value) is not dict:
            return None
        keys = {}
        for app, user_id in value.items():
            source = app.strip().lower()
            if source not in self.stream.sources:  # no app of ours; it could be an id as well
                continue
            hashed = source in self.stream.sha256_sources
            key = self.keyring.user_key(source, user_id, hashed)
            if key is not None:
                keys[source] = str(key)
        return orjson.dumps(keys, option=orjson.OPT_SORT_KEYS).decode()

    def _timestamp(self, column: Column) -> pa.Array:
        values = self.values[column.name]
        if _is_empty(values):
            return pa.nulls(len(values), pa.timestamp("us"))
        times = parse_times(values, self.stream.zone)
        for place, time in enumerate(times.to_pylist() if times.null_count else ()):
            if values[place] is not None and time is None:
                self._give_back(column, place, values[place])
        return times

    def _integer(self, column: Column) -> pa.Array:
        return self._fitting(column, _CHECKS["integer"][0], int, pa.int64())

    def _number(self, column: Column) -> pa.Array:
        return self._fitting(column, _CHECKS["number"][0], float, pa.float64())

    def _boolean(self, column: Column) -> pa.Array:
        return self._fitting(column, _CHECKS["boolean"][0], bool, pa.bool_())

    def _json(self, column: Column) -> pa.Array:
        written = []
        for value, consents in zip(self.values[column.name], self.consenting, strict=True):
            if type(value) is str and value.startswith(("{", "[")):
                value = _json_in(value) or value
            cleaned = self._clean(value, column.paths[0], consents)
            text = orjson.dumps(cleaned, option=orjson.OPT_SORT_KEYS).decode()
            written.append(None if value is None else text)
        return pa.array(written, pa.string())

    def _fitting(
        self,
        column: Column,
        fits: Callable[[object], bool],
        convert: Callable,
        type_: pa.DataType,
    ) -> pa.Array:
        fitting = []
        for place, value in enumerate(self.values[column.name]):
            if value is None or fits(value):
                fitting.append(None if value is None else convert(value))
            else:
                fitting.append(None)
                self._give_back(column, place, value)
        return pa.array(fitting, type_)

    # ── what remains ──────────────────────────────────────────────────────────────────────────

    def _properties(self) -> None:
        stream, records = self.stream, self.found.records
        for path in stream.personal:
            key = path[-1]
            for parent in self._parents(path):
                parent.pop(key, None)
        for path in stream.typed:
            key = path[-1]
            for parent in self._parents(path):
                if type(parent.get(key)) not in _MEASURED:
                    parent.pop(key, None)
        for path in stream.urls:
            key = path[-1]
            for parent in self._parents(path):
                value = parent.get(key)
                if type(value) is str:
                    parent[key] = privacy.strip_url(value)
        sort = orjson.OPT_SORT_KEYS
        written = [orjson.dumps(record, option=sort) for record in records]
        texts = pa.array(written, pa.string())
        again = pc.match_substring_regex(texts, _LOOK_AGAIN)
        if not all(self.consenting):
            again = pc.or_(again, pc.invert(pa.array(self.consenting, pa.bool_())))
        places = pc.indices_nonzero(again).to_pylist()
        if places:
            for place in places:
                cleaned = self._clean(records[place], (), self.consenting[place])
                written[place] = orjson.dumps(cleaned, option=sort)
            texts = pa.array(written, pa.string())
        self.columns["properties"] = texts

    def _clean(self, value: object, path: tuple[str, ...], consents: bool) -> object:
        if type(value) is str:
            is_free = path[-1] not in self.stream.named
            if is_free and not consents:
                return None
            if value.startswith(("{", "[")) and (inner := _json_in(value)) is not None:
                cleaned = self._clean(inner, path, consents)
                return value if cleaned == inner else orjson.dumps(cleaned).decode()
            return privacy.scrub(value, free=is_free)
        if type(value) is list:
            entries = [self._clean(entry, path, consents) for entry in value]
            return [entry for entry in entries if entry is not None or None in value]
        if type(value) is dict:
            cleaned = {}
            for key, entry in value.items():
                # Also where the source has a column from such a key: it has been lifted out.
                if privacy.is_personal_key(key):
                    continue
                after = self._clean(entry, (*path, key), consents)
                if after is not None or entry is None:
                    cleaned[privacy.scrub(key)] = after
            return cleaned
        if type(value) is int and path[-1] not in self.stream.named:
            return privacy.scrub_number(value)
        return value


_PLAIN = {str, type(None)}


def arrow_schema(stream: Stream) -> pa.Schema:
    """The columns that a chunk has, in the order of the raw table."""
    shared = (*PLACE_COLUMNS, *(EVENT_COLUMNS if stream.is_events else ()))
    own = ((column.name, column.sql_type) for column in stream.columns)
    return pa.schema(
        [
            (name, _ARROW_TYPES[type_.removesuffix(" not null")])
            for name, type_ in (*shared, *own, ("properties", "json"))
            if name not in _ADDED_LATER
        ]
    )


def _kind_of(name: str) -> str:
    """'user_id' and 'creator_user_key' are shown as [user]."""
    return name.removesuffix("_id").removesuffix("_key").rpartition("_")[2]


def _json_in(text: str) -> dict | list | None:
    """The object or list that a text holds as JSON."""
    try:
        return read_record(b'{"":' + text.encode() + b"}")[""]
    except NotARecord:
        return None


def _is_empty(values: list) -> bool:
    return values.count(None) == len(values)


def _are_words(values: list) -> bool:
    """Texts all, and none of them blank."""
    try:
        return all(map(str.strip, values))
    except TypeError:
        return False


def _uuids(keys: list[bytes | None]) -> pa.Array:
    return pa.ExtensionArray.from_storage(_UUID, pa.array(keys, pa.binary(16)))


def _blocked(named: list[list[Name]]) -> pa.Array:
    """'user=undefined,session=empty' where an app sent words instead of ids."""
    if not any(any(map(itemgetter(1), names)) for names in named):
        return pa.nulls(len(named[0]), pa.string())
    kinds = [role.removesuffix("_id") for role in _PEOPLE]
    notes = [
        ",".join(
            f"{kind}={name.instead}"
            for kind, name in zip(kinds, names, strict=True)
            if name.instead is not None
        )
        for names in zip(*named, strict=True)
    ]
    return pa.array([note or None for note in notes], pa.string())


def _replace_in(value: dict | list, identifier: str, shown: str) -> None:
    """Replace an id in every string below, in place."""
    for key, entry in list(value.items() if type(value) is dict else enumerate(value)):
        if type(entry) is str:
            value[key] = _without(entry, identifier, shown)
        elif type(entry) is int and str(entry) == identifier:
            value[key] = shown
        elif type(entry) in (dict, list):
            _replace_in(entry, identifier, shown)
        if type(value) is dict and _without(key, identifier, shown) != key:
            value[_without(key, identifier, shown)] = value.pop(key)


def _without(text: str, identifier: str, shown: str) -> str:
    if len(identifier) < SHORTEST_INSIDE:  # it stands in too many words to look for it in them
        return shown if text.strip() == identifier else text
    return text.replace(identifier, shown)


_client = lru_cache(maxsize=20_000)(describe_client)
_network = lru_cache(maxsize=100_000)(privacy.network_of)


@lru_cache(maxsize=1_000)
def _country_name(value: str) -> str | None:
    text = value.strip()
    is_place = 2 <= len(text) <= 60 and all(part.isalpha() for part in text.split())
    return (text.upper() if len(text) == 2 else text) if is_place else None


def _country(value: object) -> str | None:
    return _country_name(value) if type(value) is str else None


@lru_cache(maxsize=10_000)
def _label_of(text: str) -> str | None:
    clean = privacy.scrub(text.strip()[:60])
    return clean or None


def _label(value: object) -> str | None:
    return _label_of(value) if type(value) is str else None


def _major(value: object) -> int | None:
    digits = str(value).strip().partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 7 else None


def _version(value: object) -> str | None:
    """At most three parts: four numbers with dots could be somebody's address."""
    if type(value) not in (str, int, float):
        return None
    parts = str(value).strip()[:60].split(".")
    return privacy.scrub(".".join(parts[:3])) or None


def _is_yes(answer: object) -> bool:
    if type(answer) is str:
        return answer.strip().lower() in ("true", "yes", "1", "granted", "full", "all")
    return answer is True or (type(answer) is int and answer == 1)


def _is_no(answer: object) -> bool:
    return answer is False or (type(answer) is str and answer.strip().lower() == "false")


def _is_text(value: object) -> bool:
    return type(value) in (str, int)


def _as_text(value: object) -> str:
    return value if type(value) is str else orjson.dumps(value).decode()


def _is_integer(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


_CHECKS = {
    "integer": (_is_integer, "a whole number"),
    "number": (lambda value: type(value) in (int, float), "a number"),
    "boolean": (lambda value: type(value) is bool, "true or false"),
}

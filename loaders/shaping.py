"""What was lifted out of a chunk's records → the columns of a raw table, with personal data gone.

Column by column over the whole chunk, so that Python's share of the work is a few list
comprehensions. The order matters and is the privacy design:

    1. of a field's several places the first that holds something counts
    2. records without id, type or time are put aside
    3. consent decides which identifiers there are at all
    4. a record's own identifiers are hidden wherever else in it they stand
    5. identifiers become keys, addresses and agents coarse
    6. what remains is `properties`, looked at for what points at a person
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import compress
from operator import add, gt, is_, itemgetter, mul

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from loaders import privacy
from loaders.checking import Fault, NotARecord, Records, read_record
from loaders.lifting import Lifted
from loaders.privacy import NOBODY, SHORTEST_INSIDE, Keyring, Name, name_identifier
from loaders.sources import EVENT_COLUMNS, PLACE_COLUMNS, Column, Path_, Stream
from loaders.times import parse_times, within_reason
from loaders.user_agents import NOTHING, Client, describe_client

# Links as well: what follows their question mark goes.
_LOOK_AGAIN = rf'(?i:{privacy.SUSPICIOUS}|{privacy.SUSPICIOUS_KEYS}|"(?:https?:/)?/[^"\s]*\?)'
_UUID = pa.uuid()
_JSON = pa.json_(pa.string())
_UUID_TEXT = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
_PEOPLE = ("user_id", "anonymous_id", "session_id")
_PERSONAL = (*_PEOPLE, "user_agent", "ip_address")
_SORTED = orjson.OPT_SORT_KEYS
_NEEDLE, _OWN = itemgetter(2), itemgetter(3)

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


def shape(found: Records, lifted: Lifted, stream: Stream, keyring: Keyring) -> pa.RecordBatch:
    """The chunk's columns. Records that lack what their stream promises become faults."""
    return _Shaper(found, lifted, stream, keyring).batch()


class _Shaper:
    def __init__(self, found: Records, lifted: Lifted, stream: Stream, keyring: Keyring):
        self.found, self.stream, self.keyring = found, stream, keyring
        self.values: dict[str, list] = {}  # by role or column
        self.columns: dict[str, pa.Array] = {}
        self.faults: dict[int, tuple[str, str]] = {}
        self.rests = lifted.rests
        for place, text in lifted.texts.items():
            found.texts[place] = text
        self._lifted = lifted.columns()

    def batch(self) -> pa.RecordBatch:
        stream = self.stream
        self._name_all()
        if stream.is_events:
            self._judge_events()
            self.consenting = self._consent()
            self._hide_own_identifiers()
            self._events()
        else:
            self._judge_entities()
            self.consenting = [True] * len(self.rests)
            self._hide_own_identifiers()
        for column in stream.columns:
            self.columns[column.name] = getattr(self, f"_{column.type}")(column)
        self._properties()
        self.columns["line"] = pa.array(self.found.lines, pa.int64())
        self.columns["item"] = pa.array(self.found.items, pa.int32())
        if "received_at" not in self.columns:
            self.columns["received_at"] = pa.nulls(len(self.rests), pa.timestamp("us"))
        schema = arrow_schema(stream)
        columns = [
            pa.ExtensionArray.from_storage(field.type, self.columns[field.name])
            if field.type == _JSON
            else self.columns[field.name]
            for field in schema
        ]
        return pa.record_batch(columns, schema=schema)

    # ── what was lifted, by name ──────────────────────────────────────────────────────────────

    def _name_all(self) -> None:
        stream, values = self.stream, self.values
        if stream.is_events:
            values["event_id"] = self._first((stream.event_id or "event_id",))
        for role, paths in stream.roles.items():
            values[role] = self._first(paths, role in _PERSONAL)
        if stream.is_events and stream.consent_path is not None:
            values["consent"] = self._first((stream.consent_path,))
        for column in stream.columns:
            values[column.name] = self._first(column.paths, column.type == "key")
        for name in self._maps():
            opened = (_json_in(value) if type(value) is str else value for value in values[name])
            values[name] = list(opened)
        for path, unused in self._lifted.items():
            if path not in stream.personal:
                for place, value in enumerate(unused):
                    if value is not None:
                        self._give_back(path, place, value)

    def _first(self, paths: Iterable[Path_ | str], is_personal: bool = False) -> list:
        """Of several places the first that holds a value. Of what is personal the others are used
        up as well: no second user id stays behind."""
        values: list | None = None
        for path in paths:
            here = self._lifted.pop(path, None)
            if here is None or _is_empty(here):
                continue
            if values is None:
                values = here
                continue
            if not is_personal:
                self._lifted[path] = [
                    None if value is None else other
                    for value, other in zip(values, here, strict=True)
                ]
            values = [
                other if value is None else value for value, other in zip(values, here, strict=True)
            ]
        return values or [None] * len(self.rests)

    def _role(self, role: str) -> list:
        return self.values.get(role) or [None] * len(self.rests)

    def _give_back(self, path: Path_, place: int, value: object) -> None:
        """What does not fit its column stays readable in properties: dbt judges it."""
        rest = orjson.loads(self.rests[place])
        bag = rest
        for key in path[:-1]:
            bag = bag.setdefault(key, {})
            if type(bag) is not dict:
                return
        bag.setdefault(path[-1], value)
        self.rests[place] = orjson.dumps(rest, option=_SORTED)

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
        found.faults.sort(key=lambda fault: (fault.line, fault.item))
        wanted = [place not in faults for place in range(len(self.rests))]
        found.keep(wanted)
        self.rests = list(compress(self.rests, wanted))
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
        self.declared = declared
        self.people = {name: names.of(self.values[name]) for name in declared}
        for column in stream.columns:  # <userId>-temp: the user may stand elsewhere by itself
            if column.temporary and not _is_empty(self.values[column.name]):
                owners = [_owner_in(value, column.temporary) for value in self.values[column.name]]
                if not _is_empty(owners):
                    owner = f"{column.name}_user_id"
                    self.values[owner], self.people[owner] = owners, names.of(owners)
        for name, named in self.people.items():
            if _is_empty(self.values[name]):
                continue
            counts = list(map(bytes.count, self.found.texts, map(_NEEDLE, named)))
            owns = list(map(_OWN, named))
            if not any(map(gt, counts, owns)):  # each stands only where it was read from
                continue
            for others in self.people.values():  # a visitor's id in the user's place is read twice
                if others is not named and any(same := list(map(is_, others, named))):
                    owns = list(map(add, owns, map(mul, map(_OWN, others), same)))
            for place in [place for place, own in enumerate(owns) if counts[place] > own]:
                if counts[place] > self._told(place, named[place].needle):
                    self._hide(place, named[place].text, f"[{_kind_of(name)}]")
        for name in self._maps():
            self._hide_mapped(self.values[name])

    def _told(self, place: int, needle: bytes) -> int:
        """How often an id stands in what becomes a key (an id may be made of another)."""
        values = [self.values[name][place] for name in (*self.declared, *self._maps())]
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
        rest = orjson.loads(self.rests[place])
        _replace_in(rest, identifier, shown)
        self.rests[place] = orjson.dumps(rest, option=_SORTED)

    def _events(self) -> None:
        words = self.keyring.words
        self.columns["event_id"] = self._event_ids(self.values["event_id"])
        types = list(map(words.__getitem__, self.values["event_type"]))
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
        if self.stream.is_named_by_content:
            return column
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
        nobody = [NOBODY] * len(self.rests)
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
        self._sessions_sent = list(sessions)
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

    def _within_visit(self, place: int, value: object) -> str:
        """A thing's id that tells it apart within the session, and nowhere else."""
        visit, _ = self._visit(place, self._sessions_sent[place])
        return f"hidden-{self.keyring.digest('thing of a visit', f'{visit.hex()} {value}').hex()}"

    def _clients(self) -> None:
        agents = self.values.get("user_agent")
        clients = agents and _each(_client, agents)
        # What the app says of the client wins over what its user agent lets guess.
        for name, part, read, type_ in (
            ("browser", 0, _label, pa.string()),
            ("browser_version", 1, _major, pa.int32()),
            ("os", 2, _label, pa.string()),
            ("device_type", 3, _label, pa.string()),
        ):
            told = self.values.get(name)
            read_told = told and _each(read, told)
            if clients:
                guessed = [client and client[part] for client in clients]
                if told:
                    guessed = [
                        guess if value is None else read_value
                        for value, read_value, guess in zip(told, read_told, guessed, strict=True)
                    ]
                read_told = guessed
            self._add(name, read_told, type_)
        for name, read in (("country", _country), ("app_version", _version)):
            told = self.values.get(name)
            self._add(name, told and _each(read, told), pa.string())
        addresses = self.values.get("ip_address")
        networks = addresses and [
            network if consents else None
            for network, consents in zip(_each(_network, addresses), self.consenting, strict=True)
        ]
        self._add("ip_prefix", networks, pa.string())

    def _add(self, name: str, values: list | None, type_: pa.DataType) -> None:
        if not values or _is_empty(values):
            self.columns[name] = pa.nulls(len(self.rests), type_)
        else:
            self.columns[name] = pa.array(values, type_)

    # ── the stream's own columns, a method a type ─────────────────────────────────────────────

    def _text(self, column: Column) -> pa.Array:
        values = self.values[column.name]
        if _is_empty(values):
            return pa.nulls(len(values), pa.string())
        if column.of_person and not all(self.consenting):
            values = self.values[column.name] = [
                value if consents or value is None else self._within_visit(place, value)
                for place, (value, consents) in enumerate(zip(values, self.consenting, strict=True))
            ]
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
        return orjson.dumps(keys, option=_SORTED).decode()

    def _timestamp(self, column: Column) -> pa.Array:
        values = self.values[column.name]
        if _is_empty(values):
            return pa.nulls(len(values), pa.timestamp("us"))
        times = parse_times(values, self.stream.zone)
        for place, time in enumerate(times.to_pylist() if times.null_count else ()):
            if values[place] is not None and time is None:
                self._give_back(column.paths[0], place, values[place])
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
            text = orjson.dumps(cleaned, option=_SORTED).decode()
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
                self._give_back(column.paths[0], place, value)
        return pa.array(fitting, type_)

    # ── what remains ──────────────────────────────────────────────────────────────────────────

    def _properties(self) -> None:
        texts = pa.array(self.rests, pa.string())
        again = pc.match_substring_regex(texts, _LOOK_AGAIN)
        if not all(self.consenting):
            again = pc.or_(again, pc.invert(pa.array(self.consenting, pa.bool_())))
        places = pc.indices_nonzero(again).to_pylist()
        if places:
            for place in places:
                cleaned = self._clean(orjson.loads(self.rests[place]), (), self.consenting[place])
                self.rests[place] = orjson.dumps(cleaned, option=_SORTED)
            texts = pa.array(self.rests, pa.string())
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
        if type(value) in (int, float) and path[-1] not in self.stream.named:
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


def _owner_in(value: object, ending: str) -> str | None:
    """The user in <userId>-temp."""
    is_temporary = type(value) is str and value.endswith(ending) and value != ending
    return value.removesuffix(ending) if is_temporary else None


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


def _each(read: Callable[[object], object], values: list) -> list:
    """What `read` makes of each value, asked once for each that differs: few clients do."""
    if set(map(type, values)) <= _PLAIN:
        known = {value: read(value) for value in set(values) if value is not None}
        known[None] = None
        return list(map(known.__getitem__, values))
    return [None if value is None else read(value) for value in values]


_known_client = lru_cache(maxsize=20_000)(describe_client)
_known_network = lru_cache(maxsize=100_000)(privacy.network_of)


def _client(agent: object) -> Client:
    return _known_client(agent) if type(agent) is str else NOTHING


def _network(address: object) -> str | None:
    return _known_network(address) if type(address) is str else None


def _country(value: object) -> str | None:
    if type(value) is not str:
        return None
    text = value.strip()
    is_place = 2 <= len(text) <= 60 and all(part.isalpha() for part in text.split())
    return (text.upper() if len(text) == 2 else text) if is_place else None


def _label(value: object) -> str | None:
    return privacy.scrub(value.strip()[:60]) or None if type(value) is str else None


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

"""The models of a new app, written once from its source file and its rows in the event registry.

They are models like those of the other apps, for people to read and change: what the app's columns
mean is theirs to say. Nothing that is there is overwritten.

    add_app("birds")  → [Path("models/staging/birds/_birds__sources.yml"), …]
"""

from __future__ import annotations

import csv
import re
import textwrap
from pathlib import Path

import yaml

from loaders.registry import check_registry
from loaders.settings import PROJECT
from loaders.sources import Column, Source, Stream, load_sources

_SHARED = Path("models/intermediate/events/int_events_conformed.sql")
# The names under which a raw table of events has the same in every app, by what staging calls them.
_KEYS = ("event_key", "event_id", "user_key", "anonymous_key", "client_session_id")
_WITH_WHAT = (
    "country", "ip_prefix", "device_type", "os", "browser", "browser_version", "app_version",
)  # fmt: skip
_TAKEN_IN = ("consent_mode", "blocked_identifiers")
_TIMES = ("occurred_at", "received_at")
_PLACE = ("load_id", "file", "line", "item")
# Roles that stand in the raw table as they were sent, or nearly.
_LIFTED_ROLES = ("country", "browser", "browser_version", "os", "device_type", "app_version")
_RESERVED = {*_KEYS, *_WITH_WHAT, *_TAKEN_IN, *_TIMES, *_PLACE, "source_app", "sent", "properties"}


class ScaffoldingProblem(Exception):
    """The models cannot be written; the message says why, and what to do."""


def add_app(name: str, project: Path = PROJECT) -> list[Path]:
    """Write the models of an app and take it into the list of apps; returns what was written."""
    sources = load_sources(
        project / "loaders" / "sources", project / "seeds" / "event_registry.csv"
    )
    if name not in sources:
        raise ScaffoldingProblem(
            f"loaders/sources/{name}.yml: is not there. It says what the app sends, "
            "and comes first: docs/adding-an-app.md"
        )
    check_registry(project / "seeds" / "event_registry.csv", project / "loaders" / "sources")
    fields = _registered_fields(name, project)
    if not fields:
        raise ScaffoldingProblem(
            f"seeds/event_registry.csv: has no row of {name}. All its events would be rejected"
        )
    files = _Models(sources[name], fields, project).files()
    for path in files:
        if (project / path).exists():
            raise ScaffoldingProblem(f"{path}: is there already, and is yours to change")
    shared = (project / _SHARED).read_text("utf-8")
    files[_SHARED] = _listed(shared, name)
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, "utf-8")
    return list(files)


def _registered_fields(name: str, project: Path) -> list[str]:
    """Paths of all fields that the registry has the app's events checked for; [""] for none."""
    with (project / "seeds" / "event_registry.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source_app"] == name]
    texts = [f"{row['required_fields'] or ''} {row['optional_fields'] or ''}" for row in rows]
    paths = dict.fromkeys(field.partition(":")[0] for text in texts for field in text.split())
    return list(paths) or [""] * bool(rows)


def _listed(shared: str, name: str) -> str:
    """The union of all apps with one more name in its list."""
    found = re.search(r"(?<=set source_apps = \[)[^\]]*", shared)
    if not found:
        raise ScaffoldingProblem(f"{_SHARED}: the list source_apps is not there any more")
    names = {*re.findall(r"'(\w+)'", found[0]), name}
    listed = ", ".join(f"'{each}'" for each in sorted(names))
    return shared[: found.start()] + listed + shared[found.end() :]


class _Models:
    def __init__(self, source: Source, fields: list[str], project: Path):
        self.source, self.project = source, project
        self.fields = [field for field in fields if field]
        self.events = [stream for stream in source.streams.values() if stream.is_events]
        if len(self.events) != 1:
            raise ScaffoldingProblem(
                f"loaders/sources/{source.name}.yml: has {len(self.events)} streams of events. "
                "One is due; write the models of others by the pattern of models/staging/studyin"
            )
        folder = project / _SHARED.parent
        documented = yaml.safe_load((folder / "int_events_conformed.yml").read_text("utf-8"))
        columns = documented["models"][0]["columns"]
        self.meaning = {column["name"]: column["description"].strip() for column in columns}
        others = "".join(
            path.read_text("utf-8") for path in sorted(folder.glob("int_*_events_conformed.sql"))
        )
        nulls = re.findall(r"cast\(null as (\w+)\) as (\w+)", others)
        # Every other app times something, so none of them says of which type nothing is.
        self.types = {"duration_ms": "double"} | {column: type_ for type_, column in nulls}

    def files(self) -> dict[Path, str]:
        name = self.source.name
        staging, events = Path("models/staging") / name, _SHARED.parent
        files = {staging / f"_{name}__sources.yml": self._sources_yml()}
        for stream in self.source.streams.values():
            sql, columns = self._staged_events(stream) if stream.is_events else _staged_rows(stream)
            files[staging / f"stg_{name}__{stream.name}.sql"] = sql
            files[staging / f"stg_{name}__{stream.name}.yml"] = self._staging_yml(stream, columns)
        [stream] = self.events
        files[events / f"int_{name}_events_conformed.sql"] = self._conformed_sql(stream)
        files[events / f"int_{name}_events_conformed.yml"] = self._conformed_yml()
        return files

    # ── staging ───────────────────────────────────────────────────────────────────────────────

    def _sources_yml(self) -> str:
        name = self.source.name
        lines = [
            "version: 2",
            "",
            f"# What `sightline land` made of its files: `loaders/sources/{name}.yml` says how.",
            "sources:",
            f"  - name: {name}",
            "    schema: raw",
            "    tables:",
        ]
        for stream in self.source.streams.values():
            what = "well-formed record" if stream.is_events else "row of a dump"
            lines += [
                f"      - name: {stream.name}",
                f"        identifier: {stream.table}",
                "        description: |",
                f"          One row per {what} that landed.",
                "",
                "          Key: load_id, file, line, item. Rules: rows are only ever added.",
            ]
        return "\n".join(lines) + "\n"

    def _lifted(self, stream: Stream) -> dict[str, str]:
        """Registry field → what the door has made of it, as the text that the registry judges."""
        columns = {
            ".".join(path): one.name
            if one.sql_type == "varchar"
            else f"cast({one.name} as varchar)"
            for one in stream.columns
            for path in one.paths
        }
        for role in _LIFTED_ROLES:
            columns |= {".".join(path): role for path in stream.roles.get(role, ())}
        return {field: columns[field] for field in self.fields if field in columns}

    def _unpacked(self, stream: Stream) -> dict:
        """The other fields, as the structure that unpack_json takes."""
        structure: dict = {}
        for field in self.fields:
            if field in self._lifted(stream):
                continue
            *outer, last = field.split(".")
            place = structure
            for part in outer:
                place = place.setdefault(part, {})
                if place == "string":
                    raise ScaffoldingProblem(
                        f"seeds/event_registry.csv: {field} lies in a field that is one itself"
                    )
            place.setdefault(last, "string")
        return structure

    def _staged_events(self, stream: Stream) -> tuple[str, list[str]]:
        for column in stream.columns:
            if column.name in _RESERVED:
                raise ScaffoldingProblem(
                    f"loaders/sources/{self.source.name}.yml: streams.{stream.name}.columns."
                    f"{column.name}: every app has a column of this name; give it another"
                )
        own = [column.name for column in stream.columns]
        structure = self._unpacked(stream)
        groups = {
            "keys": [
                "client_session_key as client_session_id" if key == "client_session_id" else key
                for key in _KEYS
            ],
            "what happened": [f"'{self.source.name}' as source_app", "event_type", *own],
            "with what": list(_WITH_WHAT),
            "how it was taken in": list(_TAKEN_IN),
            "times": list(_TIMES),
            "JSON": ["properties"],
            "where it stands": list(_PLACE),
        }
        imports = f"with {stream.name} as (\n{_import(stream)}\n)"
        from_ = stream.name
        if structure:
            groups["for the registry's check"] = ["sent"]
            from_ = "unpacked"
            imports += (
                ",\n\nunpacked as (\n    select\n        *,\n"
                f"        {{{{ unpack_json('properties', {_structure(structure, 2)}) }}}} as sent\n"
                f"    from {stream.name}\n)"
            )
        columns = [*_KEYS, "source_app", "event_type", *own, *_WITH_WHAT, *_TAKEN_IN, *_TIMES]
        columns += ["properties", *_PLACE, *(["sent"] if structure else [])]
        return f"{imports}\n\n{_select(groups)}\nfrom {from_}\n", columns

    def _staging_yml(self, stream: Stream, columns: list[str]) -> str:
        name = self.source.name
        if stream.is_events:
            grain = f"One row per well-formed {name} record that landed, accepted or not."
            key = "load_id, file, line, item"
            rules = (
                "nothing is judged. `event_key` is no key yet: of two records with one id and "
                "different content both are here. `sent` has the fields that the registry checks, "
                "as text."
            )
        else:
            grain = f"One row per {', '.join(stream.key)} of {stream.name}."
            key = ", ".join(stream.key)
            rules = (
                "dumps come again and again, and the latest load's row counts. A row that is in "
                "no later dump stays."
            )
        yml = _model_yml(f"stg_{name}__{stream.name}", grain, key, rules)
        yml += _unique(["load_id", "file", "line", "item"] if stream.is_events else stream.key)
        yml += "    columns:\n"
        told = {column.name: _told(column) for column in stream.columns}
        meaning = _OF_STAGING | {"source_app": f"Always {name}; half of the registry's key."}
        for column in columns:
            meant = told.get(column) or meaning.get(column) or self.meaning[column]
            yml += _column_yml(column, meant)
        return yml

    # ── conformed ─────────────────────────────────────────────────────────────────────────────

    def _conformed_sql(self, stream: Stream) -> str:
        """The select list of all apps, with null for what this one does not send."""
        own = {column.name: column for column in stream.columns}
        shared = (self.project / _SHARED).read_text("utf-8")
        select = re.split(r"^select\n", shared, flags=re.MULTILINE)[-1]
        lines = []
        for line in select.partition("\nfrom ")[0].splitlines():
            column = line.strip().removesuffix(",")
            if column in own:
                line = line.replace(column, self._cast(stream, own[column]))
            elif column == "rejection_reason":
                line = f"    {self._verdict(stream)} as rejection_reason"
            elif column in self.meaning and column not in _RESERVED | {"event_type"}:
                line = line.replace(column, f"cast(null as {self.types[column]}) as {column}")
            lines.append(line)
        staged = f"stg_{self.source.name}__{stream.name}"
        body = "\n".join(lines)
        return (
            f"with staged as (\n    select * from {{{{ ref('{staged}') }}}}\n)\n\n"
            f"select\n{body}\nfrom staged\n"
        )

    def _cast(self, stream: Stream, column: Column) -> str:
        due = self.types.get(column.name, "varchar")
        if column.sql_type == due:
            return column.name
        if due == "varchar":
            return f"cast({column.name} as varchar) as {column.name}"
        raise ScaffoldingProblem(
            f"loaders/sources/{self.source.name}.yml: streams.{stream.name}.columns.{column.name}: "
            f"is {column.sql_type}; all apps have it as {due}. Set its type, or give it another "
            "name"
        )

    def _verdict(self, stream: Stream) -> str:
        lifted = self._lifted(stream)
        if not lifted:
            return f"{{{{ rejection_reason('{self.source.name}') }}}}"
        pairs = "".join(f"            '{path}': '{name}',\n" for path, name in lifted.items())
        return (
            f"{{{{ rejection_reason(\n        '{self.source.name}', lifted={{\n{pairs}"
            "        }\n    ) }}"
        )

    def _conformed_yml(self) -> str:
        name = self.source.name
        yml = _model_yml(
            f"int_{name}_events_conformed",
            f"One row per well-formed {name} record that landed, in the columns of all apps.",
            "load_id, line, item",
            "nothing is dropped, what the registry does not allow is marked. What does not apply "
            "is null in a column of its type.",
        )
        yml += "    columns:\n"
        for column, meaning in self.meaning.items():
            yml += _column_yml(column, f"Always {name}." if column == "source_app" else meaning)
        return yml


_OF_STAGING = {
    "event_type": "As sent; the registry has the name that all apps share.",
    "ip_prefix": "IP address without its last part; null without consent.",
    "browser_version": "Major version only, so that it tells nobody apart.",
    "sent": "The fields that the registry checks, as text.",
}


def _staged_rows(stream: Stream) -> tuple[str, list[str]]:
    own = [column.name for column in stream.columns]
    order = "received_at desc, load_id desc, line desc, item desc"
    groups = {
        "what it is": own,
        "times": ["received_at"],
        "JSON": ["properties"],
        "where it stands": list(_PLACE),
    }
    sql = (
        f"with {stream.name} as (\n{_import(stream)}\n),\n\n"
        f"newest as (\n    select *\n    from {stream.name}\n    qualify\n"
        f"        row_number() over (\n            partition by {', '.join(stream.key)}\n"
        f"            order by {order}\n        ) = 1\n)\n\n{_select(groups)}\nfrom newest\n"
    )
    return sql, [column for group in groups.values() for column in group]


def _import(stream: Stream) -> str:
    return f"    select * from {{{{ source('{stream.source}', '{stream.name}') }}}}"


def _select(groups: dict[str, list[str]]) -> str:
    written = [
        f"    -- {title}\n" + ",\n".join(f"    {column}" for column in columns)
        for title, columns in groups.items()
    ]
    return "select\n" + ",\n\n".join(written)


def _structure(fields: dict, depth: int) -> str:
    inner = "    " * (depth + 1)
    lines = [
        f"{inner}'{name}': "
        + (_structure(type_, depth + 1) if isinstance(type_, dict) else f"'{type_}'")
        + ",\n"
        for name, type_ in fields.items()
    ]
    return "{\n" + "".join(lines) + "    " * depth + "}"


def _told(column: Column) -> str:
    paths = " or ".join(".".join(path) for path in column.paths)
    if column.type == "key":
        return f"Keyed hash of what the app sends as {paths}."
    return f"What the app sends as {paths}."


def _model_yml(name: str, grain: str, key: str, rules: str) -> str:
    paragraphs = [grain, f"Key: {key}.", f"Rules: {rules}"]
    text = "\n\n".join(textwrap.fill(paragraph, 92) for paragraph in paragraphs)
    indented = textwrap.indent(text, " " * 6)
    return f"version: 2\n\nmodels:\n  - name: {name}\n    description: |\n{indented}\n"


def _unique(columns) -> str:
    return (
        "    data_tests:\n      - unique_combination:\n"
        f"          arguments: {{columns: [{', '.join(columns)}]}}\n"
    )


def _column_yml(name: str, meaning: str) -> str:
    text = textwrap.fill(meaning, 88, initial_indent=" " * 10, subsequent_indent=" " * 10)
    return f"      - name: {name}\n        description: >\n{text}\n"

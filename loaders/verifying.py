"""Is a version what it must be? A process of its own, that opens it as a reader will:

    python -m loaders.verifying PATH < what-to-expect.json

It prints what is wrong, a line each, and exits with 1; or with 0, and prints nothing.
"""

from __future__ import annotations

import json
import sys

import duckdb

from loaders.settings import memory_limit

# What the door takes out of every text. Looked for again here, because this is the file that gets
# around. A value is never printed.
_MAILBOX = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
_OWN = ("publication", "published_tables")


def problems(path: str, expected: dict) -> list[str]:
    found: list[str] = []
    with duckdb.connect(path, read_only=True, config={"memory_limit": memory_limit("2GB")}) as con:
        tags = con.execute(
            "select tags['storage_version'] from duckdb_databases() where not internal"
        ).fetchall()
        if not all(expected["storage"] in str(version) for (version,) in tags):
            found.append(f"the file is in storage version {tags}, not {expected['storage']}")
        there = {
            name
            for (name,) in con.execute(
                "select schema_name || '.' || table_name from duckdb_tables() union all "
                "select schema_name || '.' || view_name from duckdb_views() where not internal"
            ).fetchall()
        }
        due = {f"main.{table['name']}" for table in expected["tables"]}
        due |= {f"main.{name}" for name in _OWN}
        found += [f"{name} is missing" for name in sorted(due - there)]
        found += [f"{name} does not belong there" for name in sorted(there - due)]
        for table in expected["tables"]:
            if f"main.{table['name']}" in there:
                found += _problems_of(con, table)
    return found


def _problems_of(con: duckdb.DuckDBPyConnection, table: dict) -> list[str]:
    name = table["name"]
    columns = [(column, type_) for column, type_, *_ in con.execute(f"describe {name}").fetchall()]
    due = [
        (column, con.execute(f"select typeof(cast(null as {type_}))").fetchall()[0][0])
        for column, type_ in table["columns"]
    ]
    if columns != due:
        differing = [f"{column} {type_}" for column, type_ in set(columns) ^ set(due)]
        return [f"{name}: not the columns of its contract: {', '.join(sorted(differing))}"]
    found = []
    [[rows]] = con.execute(f"select count(*) from {name}").fetchall()
    if rows != table["rows"]:
        found.append(f"{name}: {rows} rows, where {table['rows']} were copied")
    for key in table["keys"]:
        listed = ", ".join(key)
        [[repeated]] = con.execute(
            f"select count(*) from (select 1 from {name} group by {listed} having count(*) > 1)"
        ).fetchall()
        if repeated:
            found.append(f"{name}: {repeated} keys ({listed}) stand in several rows")
    never_null = table["never_null"]
    if never_null:
        counts = ", ".join(f"count(*) - count({column})" for column in never_null)
        [nulls] = con.execute(f"select {counts} from {name}").fetchall()
        found += [
            f"{name}.{column}: {count} nulls"
            for column, count in zip(never_null, nulls, strict=True)
            if count
        ]
    texts = [column for column, type_ in columns if "VARCHAR" in type_ or "JSON" in type_]
    if texts:
        # The sign first: most texts have none, and a pattern costs fifty times as much.
        mailboxes = con.execute(
            "select "
            + ", ".join(
                f"count(*) filter (where contains({text}, '@') "
                f"and regexp_matches({text}, '{_MAILBOX}'))"
                for text in (f"cast({column} as varchar)" for column in texts)
            )
            + f" from {name}"
        ).fetchall()[0]
        found += [
            f"{name}.{column}: {count} texts look like an e-mail address. If an app sends them, "
            "name the field under free_text or personal in loaders/sources"
            for column, count in zip(texts, mailboxes, strict=True)
            if count
        ]
    return found


def main() -> None:
    found = problems(sys.argv[1], json.load(sys.stdin))
    print("\n".join(f"  {problem}" for problem in found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

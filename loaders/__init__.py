"""The door: raw files of apps become rows of DuckDB, exactly once and without personal data.

A file's way, a module each:

    files.py      finds it          →  which files lie in landing, and of which stream
    reading.py    opens it          →  chunks of lines; damaged files raise `FileRejected`
    parsing.py    in a worker       →  what follows, for a chunk at a time
    checking.py   judges records    →  strict JSON objects; what is none becomes a `Fault`
    lifting.py    takes them apart  →  the values that the source names, and the rest as text
    shaping.py    makes columns     →  Arrow, by the source's spec (sources.py, sources/*.yml)
    privacy.py    on the way        →  keyed hashes for identifiers, scrubbed text, coarse addresses
    ledger.py     keeps the books   →  the raw tables, the ledger, quarantine
    landing.py    drives it all     →  one transaction a file
    cli.py        is the `sightline` command

Beside that way, status.py says what became of files, and fitting.py with learner_model.py refits
the coefficients of the learner model on what the warehouse then holds.
"""

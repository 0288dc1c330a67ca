"""`python -m benchmarks.landing`: how fast files land, in how much memory, and where the time goes.

A module each:

    workloads.py    files to land: simulated worlds, as the apps send them and as plain lines
    contestants.py  what is measured: Sightline, DuckDB's own `read_json`, dlt
    sections.py     the questions: rates, peers, history, sizes, small files, stages
    history.py      warehouses of ten and thirty million rows
    stages.py       a landing with a stopwatch at every stage
"""

"""`python -m benchmarks.questions`: funnels and retention as the models compute them, against
ClickHouse's own functions for them and plain polars on the same rows; and how long a dashboard
waits for what it asks of the marts.

A module each:

    rows.py          what the engines read, and the models' own SQL over it
    clickhouse.py    windowFunnel and retention
    frames.py        the same in polars
    dashboard.py     what a dashboard asks
    contestants.py   what runs in a process of its own
    sections.py      the questions: funnels, retention, dashboard
"""

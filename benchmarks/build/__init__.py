"""`python -m benchmarks.build`: how fast the tables are built, anew and after new events, in how
much memory and room, and how sessionisation compares with another engine.

A module each:

    worlds.py        landed worlds of any number of events; a hundredth of them held back
    contestants.py   what runs in a process of its own: sessions on two engines, writing Parquet
    sections.py      the questions: builds, room, sessions
"""

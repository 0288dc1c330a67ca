"""`python -m benchmarks.freshness`: how long after a file has arrived its events are in the file
that readers open, and where that time goes.

A module each:

    arrivals.py      events that a world's people might have sent as well, as files to land
    contestants.py   what runs in a process of its own: a watching runner, which files are given to
    sections.py      the question: arrivals
"""

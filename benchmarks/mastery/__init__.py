"""`python -m benchmarks.mastery`: how well the learner model predicts answers, against what else
could be shown or fitted, on any table of attempts; how fast it is, and what a new load costs.

A module each:

    attempts.py      a file of attempts → the table that the models read
    models.py        the project's own SQL, compiled by dbt, and run
    baselines.py     what else predicts answers: running accuracy, EWMA, Elo, BKT, Best-LR
    scores.py        AUC, log-loss, ECE, and intervals of their differences
    contestants.py   what runs in a process of its own
    sections.py      the questions: predictions, speed, share
"""

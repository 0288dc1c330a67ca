"""Speed and size against the raw engine and against peers, as ratios measured in one run.

No test looks at them: a busy machine makes a benchmark worse, and nothing wrong.
"""

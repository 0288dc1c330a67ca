"""A seeded world that writes the files the four apps would write, and the truth behind them.

    from simulator import simulate
    simulate(Path("landing"), users=1200, days=60, seed=1)

See `simulation.py` for the way of the data, `parameters.py` for everything that is planted.
"""

from simulator.simulation import SimulationSummary, expected_events, simulate

__all__ = ["SimulationSummary", "expected_events", "simulate"]

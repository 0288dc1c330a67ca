"""SketchyChain: prompts that become sketches, people who paint together, and an experiment."""

from simulator.sketchychain.behaviour import simulate_sketchychain

__all__ = ["simulate_sketchychain"]

"""How far chance alone can take a count from what was planted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Of a thousand worlds 999 lie inside.
CONFIDENCE = 0.999


@dataclass(frozen=True)
class Outcome:
    """Independent trials, each with the chance that was planted for it, and how many came true."""

    name: str
    chances: np.ndarray
    found: int

    @property
    def planted_rate(self) -> float:
        return float(self.chances.mean())

    @property
    def found_rate(self) -> float:
        return self.found / len(self.chances)

    def range(self) -> tuple[int, int]:
        return central_range(self.chances)

    def is_within(self, off: float = 0.0) -> bool:
        """Whether the count is one that these chances give, or chances that are off by so much."""
        low, high = central_range(np.clip(self.chances + off, 0, 1))
        return low <= self.found <= high

    def line(self) -> str:
        """A row of the tables in docs/evidence.md."""
        trials = len(self.chances)
        low, high = (100 * count / trials for count in self.range())
        return (
            f"| {self.name} | {100 * self.planted_rate:.1f} % | {100 * self.found_rate:.1f} % "
            f"| {low:.1f} to {high:.1f} % | {trials:,} |"
        )


def central_range(chances: np.ndarray, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """The least and the most that come true, exactly: no normal approximation.

    With one chance for all this is the binomial's range.
    """
    cumulative = np.cumsum(probabilities(chances))
    tail = (1 - confidence) / 2
    low = int(np.searchsorted(cumulative, tail, side="right"))
    high = int(np.searchsorted(cumulative, 1 - tail, side="left"))
    return low, high


def probabilities(chances: np.ndarray) -> np.ndarray:
    """Of 0, 1, … trials coming true."""
    parts = [np.array([1 - chance, chance]) for chance in chances]
    # In pairs, so that long is multiplied by long: sums of squares, not of cubes.
    while len(parts) > 1:
        odd = parts[-1:] if len(parts) % 2 else []
        parts = [np.convolve(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)] + odd
    return parts[0]

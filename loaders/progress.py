"""Progress on stderr: one line that is redrawn on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

# A run shorter than this needs no progress; in a log file one line in so many seconds is enough.
_QUIET_SECONDS = 2.0
_REDRAW_SECONDS = 0.2
_LOG_SECONDS = 10.0


def count(number: float) -> str:
    return f"{number:,.0f}"


def size(number_of_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number_of_bytes < 1000:
            return f"{number_of_bytes:.0f} {unit}"
        number_of_bytes /= 1000
    return f"{number_of_bytes:.1f} GB"


class ProgressLine:
    def __init__(self, doing: str):
        self.doing = doing
        self.is_terminal = sys.stderr.isatty()
        self.started = time.monotonic()
        self.shown_at = self.started
        self.is_drawn = False

    def show(self, done: float, total: float, amount: str, units: float, unit: str) -> None:
        """`done` of `total` tells the time that remains; `units` done so far, the rate."""
        now = time.monotonic()
        elapsed = now - self.started
        wait = _REDRAW_SECONDS if self.is_terminal else _LOG_SECONDS
        if elapsed < _QUIET_SECONDS or (now - self.shown_at < wait and self.is_drawn):
            return
        share = f"{done / total:4.0%}  " if total else ""
        rate = f"{count(units / elapsed)} {unit}/s"
        # Of the first few percent nothing can be told: that time went into starting up.
        rest = elapsed * (total - done) / done if total and done > 0.03 * total else None
        remaining = f", about {_duration(rest)} left" if rest is not None else ""
        text = f"{self.doing}: {share}{amount}, {rate}{remaining}"
        if self.is_terminal:
            sys.stderr.write(f"\r\x1b[K{text}")
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
        self.shown_at, self.is_drawn = now, True

    def finish(self) -> None:
        if self.is_drawn and self.is_terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"

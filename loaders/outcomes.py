"""What became of the files of a run: `land --json` prints it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field


@dataclass
class Outcome:
    """What became of one file."""

    path: str
    status: str  # loaded, already_loaded, rejected, deferred
    lines: int = 0
    landed: int = 0
    duplicates: int = 0
    quarantined: int = 0
    blank: int = 0
    reason: str | None = None

    def as_dict(self) -> dict:
        return asdict(self)

    @property
    def is_accounted_for(self) -> bool:
        return self.lines == self.landed + self.duplicates + self.quarantined + self.blank


@dataclass
class Report:
    outcomes: list[Outcome] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)  # quarantine reason → lines
    seconds: float = 0.0
    failure: str | None = None

    def totals(self) -> dict[str, int]:
        names = ("lines", "landed", "duplicates", "quarantined", "blank")
        totals = {name: sum(getattr(entry, name) for entry in self.outcomes) for name in names}
        for status in ("loaded", "already_loaded", "rejected", "deferred"):
            totals[status] = sum(entry.status == status for entry in self.outcomes)
        return totals

    @property
    def needs_attention(self) -> bool:
        totals = self.totals()
        return bool(totals["quarantined"] or totals["rejected"])


def together(files: Iterable[tuple[str, str | None]]) -> list[str]:
    """Files of one folder of a source that share a reason, as one line; a reason is said once."""
    alike: dict[tuple, list[str]] = {}
    for path, reason in files:
        alike.setdefault((*path.split("/")[:2], reason), []).append(path)
    return [
        paths[0]
        + (f" and {len(paths) - 1} more (--json lists them all)" if len(paths) > 1 else "")
        + f": {reason}"
        for (*_, reason), paths in alike.items()
    ]

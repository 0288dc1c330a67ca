"""Which files lie in landing, and of which stream each is: `landing/<source>/<stream>/**`.

Names are taken literally, whatever is in them. Links are not followed, dotfiles and `.tmp` are a
writer's own business.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

_DATE = re.compile(r"(?:[a-z_]+=)?(\d{4})-(\d\d)-(\d\d)")
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".swp")


class LandingProblem(Exception):
    """A path that was asked for and cannot be landed; the message says why."""


class FileRejected(Exception):
    """The file as a whole cannot be trusted; the reason is shown to the user."""

    def __init__(self, reason: str, detail: str):
        super().__init__(reason, detail)  # both, so that it survives the way from a worker
        self.reason, self.detail = reason, detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class FileChanged(Exception):
    """The file was written to, or went away, while it was read: it is left for the next run."""


@dataclass(frozen=True)
class LandingFile:
    """A file, where it belongs, and what it looked like when it was found."""

    path: Path
    name: str  # relative to landing: machine paths can hold a person's name
    source: str
    stream: str
    size: int
    mtime_ns: int
    inode: int

    @property
    def arrived_on(self) -> date | None:
        return day_in(self.name)

    def received_at(self, now: datetime) -> datetime:
        """When its records reached us, if they do not say: the end of the day it arrived on."""
        if self.arrived_on is None:
            return now
        return min(now, datetime.combine(self.arrived_on, time.max))

    def is_unchanged(self, status: os.stat_result) -> bool:
        return (status.st_size, status.st_mtime_ns, status.st_ino) == (
            self.size,
            self.mtime_ns,
            self.inode,
        )


def day_in(name: str) -> date | None:
    """The day in a path, if there is one: `…/2026-03-02/…` or `…/date=2026-03-02/…`."""
    for part in reversed(Path(name).parts[:-1]):
        if found := _DATE.fullmatch(part):
            try:
                return date(*map(int, found.groups()))
            except ValueError:
                continue
    return None


@dataclass
class Found:
    files: list[LandingFile]
    links: list[str]  # skipped: what they point at may change or lie anywhere
    unreadable: list[tuple[str, str]]  # folders, and why


def find_files(
    landing: Path, paths: Iterable[Path] = (), known: Mapping[str, Iterable[str]] | None = None
) -> Found:
    """Everything under the paths (default: all of landing), in the order of their names.

    Paths elsewhere are taken as well if they show what they hold: a folder of the same shape, or
    something below `<source>/<stream>/` of the `known` sources.
    """
    landing = Path(os.path.realpath(landing))
    starts = [_rooted(path, landing, known or {}) for path in paths] or [(landing, landing)]
    found = Found([], [], [])
    seen = set()
    for root, start in starts:
        for path, status in _walk(start, found, root):
            if path in seen:
                continue
            seen.add(path)
            relative = path.relative_to(root)
            parts = relative.parts
            found.files.append(
                LandingFile(
                    path=path,
                    name=_printable(relative.as_posix()),
                    source=_printable(parts[0]) if len(parts) > 1 else "",
                    stream=_printable(parts[1]) if len(parts) > 2 else "",
                    size=status.st_size,
                    mtime_ns=status.st_mtime_ns,
                    inode=status.st_ino,
                )
            )
    found.files.sort(key=lambda file: (file.source, file.stream, file.name))
    return found


def _rooted(path: Path, landing: Path, known: Mapping[str, Iterable[str]]) -> tuple[Path, Path]:
    """The landing folder that a path lies in, and the path without links on its way."""
    # The folder's links are resolved, the last part's are not: a link is to be seen as one.
    if path.name in ("", ".", ".."):
        absolute = Path(os.path.realpath(path))
    else:
        absolute = Path(os.path.realpath(path.parent)) / path.name
    if not os.path.lexists(absolute):
        raise LandingProblem(f"{path}: there is no such file or folder")
    if absolute == landing or landing in absolute.parents:
        return landing, absolute
    for folder in (absolute, *absolute.parents):
        if folder.name in known.get(folder.parent.name, ()):
            return folder.parent.parent, absolute
    if absolute.name in known:
        return absolute.parent, absolute
    if any((absolute / source).is_dir() for source in known):
        return absolute, absolute
    raise LandingProblem(
        f"{path}: nothing here tells which source it is of. Files are expected in "
        f"{landing.name}/<source>/<stream>/, or in another folder of that shape"
    )


def _walk(start: Path, found: Found, landing: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Files below `start`; what vanishes on the way is left out."""
    try:
        status = start.lstat()
    except FileNotFoundError:
        return
    name = _printable(start.relative_to(landing).as_posix())
    if stat.S_ISLNK(status.st_mode):
        found.links.append(name)
    elif stat.S_ISREG(status.st_mode):
        yield start, status
    elif stat.S_ISDIR(status.st_mode):
        try:
            names = sorted(os.listdir(start))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            found.unreadable.append((name, os.strerror(error.errno)))
            return
        for entry in names:
            if not entry.startswith(".") and not entry.lower().endswith(_UNFINISHED):
                yield from _walk(start / entry, found, landing)


def _printable(name: str) -> str:
    """A name that is no UTF-8 is shown with its odd bytes escaped, so that it can be stored."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

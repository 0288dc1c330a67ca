"""One writer at a time: loading, building and publishing take turns."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from loaders.settings import patience_seconds, published_file, work_file

# Held by this process: `sightline run` holds it from the first file to the swap, and what it calls
# asks for it again.
_held: set[str] = set()


class AnotherRunning(Exception):
    """Another command is writing to this warehouse; nothing was changed."""


def only_writer() -> AbstractContextManager[None]:
    """For who changes the work file, from the first row to the last."""
    return _only_one(work_file().with_name(f".{work_file().name}.lock"))


def only_publisher() -> AbstractContextManager[None]:
    """For who changes what readers see."""
    return _only_one(published_file().with_name(f".{published_file().name}.lock"))


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """The lock is a file of its own: opening the database's would drop the engine's lock on it. It
    goes with the process, however that ends."""
    name = str(path.absolute())
    if name in _held:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + patience_seconds()
    with open(path, "w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise AnotherRunning(
                        "another load or run is writing to this warehouse; wait for it, or set "
                        "SIGHTLINE_WAIT_SECONDS to wait longer"
                    ) from None
            time.sleep(0.1)
        _held.add(name)
        try:
            yield
        finally:
            _held.discard(name)

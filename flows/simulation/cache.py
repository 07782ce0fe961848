"""Builds that are kept by content: equal inputs never compile twice, in any process.

An entry is a folder named by the SHA-256 of everything that decides what is in it. It is filled
under another name and renamed when complete, so that a reader sees all of it or nothing; a lock
file per entry keeps two processes from doing the same work.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

__all__ = ["cache_root", "cached"]

_KEEP_SECONDS = 30 * 24 * 3600
"""Entries that nobody used for this long are removed when a new one is made."""


def cache_root() -> Path:
    """The folder of all entries: `GATEWRIGHT_CACHE`, or else the user's cache folder."""
    chosen = os.environ.get("GATEWRIGHT_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("gatewright")


def cached(kind: str, key: Sequence[str | bytes], make: Callable[[Path], None]) -> Path:
    """The folder that `make` filled for `key`, made now if it is not there yet.

    Parameters
    ----------
    kind
        The family of entries: a folder name.
    key
        Everything that decides the content. Each part is hashed with its length, so that
        `("ab", "c")` and `("a", "bc")` differ.
    make
        Fills the empty folder it is given. It may raise: nothing is kept then.
    """
    digest = hashlib.sha256()
    for part in key:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "little") + raw)
    family = cache_root() / kind
    entry = family / digest.hexdigest()[:32]
    if not _claim(entry):
        family.mkdir(parents=True, exist_ok=True)
        with FileLock(entry.with_suffix(".lock")):
            if not _claim(entry):
                staging = Path(tempfile.mkdtemp(prefix=".new-", dir=family))
                try:
                    make(staging)
                    staging.rename(entry)
                finally:
                    shutil.rmtree(staging, ignore_errors=True)
                _remove_unused(family)
    return entry


def _claim(entry: Path) -> bool:
    """Whether the entry is there; if it is, note that it was used."""
    try:
        os.utime(entry)
    except FileNotFoundError:
        return False
    return True


def _remove_unused(family: Path) -> None:
    oldest = time.time() - _KEEP_SECONDS
    for lock in family.glob("*.lock"):
        entry = lock.with_suffix("")
        if entry.is_dir() and entry.stat().st_mtime < oldest:
            try:
                with FileLock(lock, timeout=0):
                    shutil.rmtree(entry, ignore_errors=True)
            except Timeout:
                continue  # somebody is making it anew

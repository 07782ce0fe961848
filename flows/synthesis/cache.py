"""Results of slow tools, kept by the hash of all that they depend on."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from ...generators.artifacts import write_bytes

__all__ = ["folder", "load", "store"]


def folder() -> Path:
    """The cache folder: `GATEWRIGHT_CACHE`, else the platform's cache folder of the user."""
    chosen = os.environ.get("GATEWRIGHT_CACHE")
    if chosen:
        return Path(chosen) / "synthesis"
    import platformdirs

    return Path(platformdirs.user_cache_dir("gatewright")) / "synthesis"


def load(key: str) -> bytes | None:
    """What was stored under `key`; None if there is nothing, or nothing whole."""
    try:
        return gzip.decompress((folder() / key[:2] / f"{key}.gz").read_bytes())
    except (OSError, EOFError, zlib.error):
        return None


def store(key: str, data: bytes) -> None:
    """Store `data`. Processes that store the same key at once each write a whole file."""
    write_bytes(folder() / key[:2] / f"{key}.gz", gzip.compress(data, 3, mtime=0))

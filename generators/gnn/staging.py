"""Folders of results that appear whole, or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import InputError

__all__ = ["staged"]


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give an empty folder whose files move into `folder` when all of them are written.

    If anything is raised before, also by Ctrl-C, nothing is left: not even parents of `folder`
    that had to be made.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"out must be a folder, not the file {str(folder)!r}")
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as name:
            yield Path(name)
            folder.mkdir(exist_ok=True)
            for path in sorted(Path(name).iterdir()):
                path.replace(folder / path.name)
    except BaseException:
        for parent in made:
            with suppress(OSError):  # not there, or somebody else writes there too
                parent.rmdir()
        raise

"""Which results database a folder means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..generators.artifacts import Build

if TYPE_CHECKING:
    from ..flows.results import Results

__all__ = ["opened"]


@contextmanager
def opened(place: Path) -> Iterator[tuple[Results, str | None]]:
    """Open the database that ``place`` means, with the condition for one build folder's runs.

    Raises
    ------
    InputError
        If there is no database.
    """
    from ..flows.results import DATABASE, Results

    condition, path = None, place
    if place.is_dir():
        path = place / DATABASE
        if not path.exists() and (place / "manifest.json").exists():
            manifest = Build.load(place).manifest
            condition = f"config_hash == {json.dumps(manifest.config_hash)}"
            path = place.resolve().parent / DATABASE
    if not path.is_file():
        raise InputError(
            f"DIR must hold a results database ({DATABASE}), which sim, synth and explore write, "
            f"not be {str(place)!r}"
        )
    with Results(path) as results:
        yield results, condition

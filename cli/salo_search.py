"""The work behind ``gatewright salo search``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..generators.salo.schedule import Schedule
from ..generators.salo.search import search_shapes
from .console import Console
from .salo_pattern import read_pattern
from .salo_schedule import array_shape, check_out, counted, finish, tell_files, tell_schedule

__all__ = ["search_pattern"]


def search_pattern(
    console: Console, source: str, multipliers: int, global_row_kv: str, dk: int, dv: int | None,
    shift: int, numbers: str, out: Path | None, picture: Path | None,
) -> None:  # fmt: skip
    """Search, write the best and tell about those that came near."""
    check_out(out, picture)
    feed = array_shape(32, 32, 1, 1, 1, global_row_kv).global_row_kv
    pattern = read_pattern(source)
    with console.progress() as progress:
        found = search_shapes(
            pattern, multipliers, dk=dk, dv=dv, global_row_kv=feed, progress=counted(progress)
        )
        best = finish(found[0], source, shift, numbers, out, picture, counted(progress))
    console.document(best | {"budget": multipliers, "shapes": [_row(s) for s in found]})
    console.table(
        f"The best shapes of at most {multipliers:,} multipliers",
        ["", "rows", "cols", "segments", "gather", "rider rows", "multipliers", "tiles", "cycles",
         "utilisation"],
        [
            [
                "" if number else "*",
                *(str(getattr(each.shape, name)) for name in _NAMES),
                f"{each.shape.multipliers:,}", f"{each.report.tiles:,}",
                f"{each.report.cycles:,}", f"{each.report.utilisation:.1%}",
            ]
            for number, each in enumerate(found)
        ],
        fixed=10,
    )  # fmt: skip
    console.say()
    console.say("* chosen:")
    tell_schedule(console, found[0], source)
    tell_files(console, out, picture)


_NAMES = ("rows", "cols", "segments", "gather", "global_rows")


def _row(schedule: Schedule) -> dict[str, Any]:
    return {
        **{name: getattr(schedule.shape, name) for name in _NAMES},
        "multipliers": schedule.shape.multipliers,
        "tiles": schedule.report.tiles,
        "cycles": schedule.report.cycles,
        "utilisation": schedule.report.utilisation,
    }

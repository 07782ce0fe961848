"""Schedules as files: the program, the report, and the picture of the mask."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ...generators.artifacts import write_bytes, write_json
from ...generators.salo.block import BAND, CIRCULANT
from ...generators.salo.pattern import Progress
from ...generators.salo.program import Program, write_program
from ...generators.salo.schedule import Schedule
from ...golden.salo.formats import Format
from .picture import draw

__all__ = ["PICTURE", "PROGRAM", "REPORT", "schedule_report", "write_schedule"]

PROGRAM, REPORT, PICTURE = "program.bin", "report.json", "mask.png"


def schedule_report(schedule: Schedule, source: str) -> dict[str, Any]:
    """Return what there is to tell of a schedule whose pattern came from `source`."""
    pattern, tiles = schedule.pattern, schedule.tiles
    return {
        "format": "gatewright-report",
        "version": 1,
        "step": "salo-schedule",
        "verdict": "pass",  # a schedule that fails its certificate is never returned
        "pattern": source,
        "queries": pattern.queries,
        "keys": pattern.keys,
        "array": asdict(schedule.shape) | {"multipliers": schedule.shape.multipliers},
        "dk": schedule.dk,
        "dv": schedule.dv,
        "order": schedule.order,
        "certificate": asdict(schedule.certificate),
        **schedule.report.table(),
        "bands": int(np.count_nonzero(tiles.kind == BAND)),
        "circulants": int(np.count_nonzero(tiles.kind == CIRCULANT)),
    }


def write_schedule(
    schedule: Schedule, source: str, folder: Path, shift: int, numbers: Format,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write program, report and picture into a folder; return the report.

    Warns if the worst logit that operands of this width can have would saturate.
    """
    program = write_program(Program.of(schedule, shift, numbers))
    worst, most = numbers.largest_octave(schedule.dk, shift), numbers.octave_range[1]
    if worst > most:
        warnings.warn(
            f"logits may reach {worst} octaves at shift {shift}, and saturate beyond {most} "
            f"(exp_bits {numbers.exp_bits})",
            stacklevel=2,
        )
    report = schedule_report(schedule, source) | {
        "program": PROGRAM,
        "program_bytes": len(program),
        "shift": shift,
        "numbers": asdict(numbers),
        "picture": PICTURE,
    }
    write_bytes(folder / PROGRAM, program)
    draw(schedule, folder / PICTURE, source, progress)
    write_json(folder / REPORT, report)
    return report

"""The work behind ``gatewright salo schedule``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from ..errors import InputError
from ..flows.salo.picture import draw
from ..flows.salo.schedule_files import schedule_report, write_schedule
from ..generators.checks import check_picture
from ..generators.salo.config import FORMATS
from ..generators.salo.pattern import Progress
from ..generators.salo.schedule import Schedule, make_schedule
from ..generators.salo.shape import ArrayShape
from .console import Console
from .console import Progress as Report
from .salo_pattern import read_pattern

__all__ = [
    "array_shape", "check_out", "counted", "finish", "schedule_pattern", "tell_files",
    "tell_schedule",
]  # fmt: skip


def array_shape(
    rows: int, cols: int, segments: int, gather: int, global_rows: int, global_row_kv: str
) -> ArrayShape:
    """Return the shape that options say."""
    feed: Literal["shared", "private"] = "private" if global_row_kv == "private" else "shared"
    return ArrayShape(rows, cols, segments, gather, global_rows, feed)


def check_out(out: Path | None, picture: Path | None = None) -> None:
    """Refuse places that cannot be written, before the work is done."""
    if out is not None and out.exists() and not out.is_dir():
        raise InputError(f"out must be a folder, not the file {str(out)!r}")
    if picture is not None:
        check_picture(picture)


def counted(report: Report) -> Progress:
    """Return the progress that schedulers tell, as shares of one whole, for the console."""
    return lambda step, part: report(step, part, 1.0)


def schedule_pattern(
    console: Console, source: str, shape: ArrayShape, dk: int, dv: int | None, shift: int,
    numbers: str, out: Path | None, picture: Path | None,
) -> None:  # fmt: skip
    """Schedule a pattern, write what is asked and tell about it."""
    check_out(out, picture)
    pattern = read_pattern(source)
    with console.progress() as progress:
        schedule = make_schedule(pattern, shape, dk=dk, dv=dv, progress=counted(progress))
        told = finish(schedule, source, shift, numbers, out, picture, counted(progress))
    console.document(told)
    tell_schedule(console, schedule, source)
    tell_files(console, out, picture)


def finish(
    schedule: Schedule, source: str, shift: int, numbers: str, out: Path | None,
    picture: Path | None, progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    """Write what is asked of a schedule; return its report."""
    if picture is not None:
        draw(schedule, picture, source, progress)
    if out is None:
        told = schedule_report(schedule, source)
    else:
        told = write_schedule(schedule, source, out, shift, FORMATS[numbers], progress)
    return told | ({} if picture is None else {"picture": str(picture)})


def tell_schedule(console: Console, schedule: Schedule, source: str) -> None:
    """Print the figures of a schedule."""
    figures, pattern, shape = schedule.report, schedule.pattern, schedule.shape
    told = schedule_report(schedule, source)
    console.say(
        f"pattern: {pattern.queries:,} queries, {pattern.keys:,} keys, {figures.allowed:,} allowed "
        f"pairs ({figures.density:.3%})"
    )
    console.say(
        f"array: {shape.rows} x {shape.cols}, segments {shape.segments}, gather columns "
        f"{shape.gather}, rider rows {shape.global_rows} ({shape.global_row_kv}), "
        f"{shape.multipliers:,} multipliers"
    )
    console.say(
        f"certificate: each of {schedule.certificate.pairs:,} allowed pairs computed once, no "
        "other pair: checked"
    )
    console.say(
        f"units: {told['bands']:,} bands, {told['circulants']:,} circulants "
        f"({figures.explicit_masks:,} with mask bits); {figures.gathered:,} pairs gathered, "
        f"{figures.ridden:,} by riders; order {schedule.order}"
    )
    moved = figures.bytes_moved
    console.table(
        "",
        ["tiles", "blocks", "cycles", "bound", "utilisation", "bytes moved"],
        [
            [
                f"{figures.tiles:,}", f"{figures.blocks:,}", f"{figures.cycles:,}",
                f"{figures.bound:,}", f"{figures.utilisation:.1%}",
                f"{moved.total:,} (queries {moved.queries:,}, feeds {moved.feeds:,}, gather "
                f"{moved.gather:,}, riders {moved.riders:,}, outputs {moved.outputs:,})",
            ]
        ],
        fixed=5,
    )  # fmt: skip


def tell_files(console: Console, out: Path | None, picture: Path | None) -> None:
    """Tell what was written."""
    if out is not None:
        console.say(f"written: {out}: program.bin, report.json, mask.png")
    if picture is not None:
        console.say(f"picture: {picture}")

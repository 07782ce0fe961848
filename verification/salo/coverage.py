"""What the jobs of a test have exercised."""

from __future__ import annotations

import numpy as np

from ...generators.salo.block import BAND, CIRCULANT
from ..coverage import Coverage
from .stimulus import OPERANDS, SPIKE, Design, Job

__all__ = ["FAULTS", "cover", "declare"]

FAULTS = ("NO_PROGRAM", "ARRAY", "FORMAT", "SHIFT", "HEAD", "TOKENS", "LENGTH")
"""Why a program is refused."""


def declare(coverage: Coverage, design: Design) -> None:
    """Declare every bin that a run of all tests should hit."""
    coverage.declare("pattern", design.kinds)
    coverage.declare("operands", (*OPERANDS, SPIKE))
    coverage.declare("fault", FAULTS)
    coverage.declare("tiles of a block", ("1", "several"))
    coverage.declare("heads of a program", ("1", "several"))
    coverage.declare("exponent saturated", ("no", "yes"))
    coverage.declare("pair that saturates alone", ("one",))
    coverage.declare("output saturated", ("no", "yes"))
    coverage.declare("tile", ("band", "circulant"))
    coverage.declare("f", ("least", "between", "largest"))
    coverage.declare("dk", ("least", "between", "largest"))
    coverage.declare("dv", ("least", "between", "largest"))
    coverage.excuse(
        "output saturated", ("yes",),
        "an output is a mean of values, and its format holds the largest value: only the error of "
        "the reciprocal could pass it, and that is smaller than the margin",
    )  # fmt: skip
    engine = design.engine
    if (engine.dk_range[0], engine.dv_range[0]) == (engine.dk_range[1], engine.dv_range[1]):
        for name in ("dk", "dv"):
            coverage.excuse(name, ("between",), "the design has one size of heads")
    if sum((engine.dk_range[1], engine.dv_range[1], 2)) >= engine.p.decode_cycles:
        coverage.declare("cycles", ("exactly those of the schedule",))
    if engine.shape.global_rows:
        coverage.declare("rider", ("idle", "at work"))
    if engine.shape.gather:
        coverage.declare("gathered keys", ("some", "none"))


def cover(coverage: Coverage, design: Design, job: Job) -> None:
    """Count what a job exercises."""
    tiles = job.program.tiles
    coverage.hit("pattern", job.kind)
    coverage.hit("heads of a program", "1" if len(job.heads) == 1 else "several")
    engine, program = design.engine, job.program
    for name, value, bounds in (
        ("f", program.shift, engine.shift_range), ("dk", program.dk, engine.dk_range),
        ("dv", program.dv, engine.dv_range),
    ):  # fmt: skip
        least, largest = bounds
        ends = {largest: "largest", least: "least"}
        coverage.hit(name, ends.get(value, "between"))
    for head in job.heads:
        coverage.hit("operands", head.kind)
        saturated = head.expected.exponent_saturated
        coverage.hit("exponent saturated", "yes" if saturated else "no")
        if head.kind == SPIKE:
            coverage.hit("pair that saturates alone", "one" if saturated else "none")
        clipped = head.expected.output_saturated
        coverage.hit("output saturated", "yes" if clipped else "no")
    for name, kind in (("band", BAND), ("circulant", CIRCULANT)):
        coverage.hit("tile", name, int((tiles.kind == kind).any(axis=1).sum()))
    counts = np.unique_counts(tiles.block[tiles.block >= 0]).counts
    coverage.hit("tiles of a block", "1", int((counts == 1).sum()))
    coverage.hit("tiles of a block", "several", int((counts > 1).sum()))
    riders = tiles.rider_queries >= 0
    if design.engine.shape.global_rows:
        coverage.hit("rider", "at work", int(riders.sum()))
        coverage.hit("rider", "idle", int((~riders).sum()))
    if design.engine.shape.gather:
        gathered = (tiles.gather >= 0).any(axis=(1, 2))
        coverage.hit("gathered keys", "some", int(gathered.sum()))
        coverage.hit("gathered keys", "none", int((~gathered).sum()))

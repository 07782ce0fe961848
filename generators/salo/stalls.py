"""When the sequencer of an engine has to wait, so that a program takes more cycles than tiles do.

Time is counted in cycles from the moment in which the first tile begins to be loaded; tile t begins
at ``t (dk + dv + 2)``. What comes after the array is taken to be as late as it can be.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...hw.salo.normaliser import NormaliserParameters
from .design import Engine
from .program import Program

__all__ = ["reason_to_wait"]

_SLACK = 12
"""Cycles of registers between units, at most."""


@dataclass
class _Source:
    """Rows that end their blocks together: in which tiles, what normalises them, and how late.

    ``began`` and ``sent`` are of the blocks so far: when the last tile began, and when the last
    result is taken.
    """

    ends: NDArray[np.bool_]
    normaliser: NormaliserParameters
    latency: int
    began: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)


def reason_to_wait(engine: Engine, program: Program) -> str | None:
    """Return why the engine may wait between tiles though results are taken at once, or None."""
    p, tiles = engine.p, program.tiles
    tile = program.dk + program.dv + 2
    if tile < p.decode_cycles:
        return (
            f"a descriptor with all lists and masks takes {p.decode_cycles} cycles, a tile {tile}"
        )
    _, last = tiles.boundaries()
    _, rider_last = tiles.rider_boundaries()
    sources = [_Source(last, p.normaliser(p.array.rows, p.lanes), p.array.latency)]
    sources += [
        _Source(rider_last[:, g], p.normaliser(1, 1), p.array.rider_latency(g))
        for g in range(p.array.global_rows)
    ]
    sent = 0
    for t in range(len(tiles)):
        begins = t * tile
        for source in sources:
            if not source.ends[t]:
                continue
            before = len(source.sent) - p.result_blocks
            if before >= 0 and source.sent[before] > begins:
                return f"results of tile {t} have no room: result_blocks = {p.result_blocks}"
            normaliser = source.normaliser
            interval = normaliser.interval(program.dv)
            if source.began and begins - source.began[-1] < interval:
                return (
                    f"the normaliser takes {interval} cycles for a block, and tile {t} ends one "
                    f"{begins - source.began[-1]} cycles after another"
                )
            turn = max(program.dv, normaliser.reciprocal.latency)
            there = begins + tile + source.latency + normaliser.latency + _SLACK
            sent = max(sent + normaliser.turns * program.dv, there + normaliser.turns * turn)
            source.began.append(begins)
            source.sent.append(sent)
    return None

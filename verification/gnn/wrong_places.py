"""Places in memory where an answer is wrong, and what the engine has to tell of each."""

from __future__ import annotations

import random
from typing import Any

from ...generators.gnn.formats import Fault, Opcode, Phase
from .workloads import Workload

__all__ = ["wrong_places"]

_READS = 6
"""Beats that are read."""


def wrong_places(
    work: Workload, rng: random.Random
) -> list[tuple[str, int, Fault, dict[str, Any]]]:
    """Return places of a random program: beats of rows that it loads, and the first store to each
    tensor; a tensor, a byte of it, the fault, and which instruction it is of, if that is known.
    """
    (only,) = work.program.passes
    code = [each for phase in Phase for each in only.phases.get(phase, ())]
    stores: dict[str, int] = {}
    for pc, each in enumerate(code):
        if each.op is Opcode.STV:
            stores.setdefault(only.tensors[each.c], pc)
    loaded = work.image.tensors["x"]
    beat = work.program.parameters.bus_bytes
    # Rows in memory may be longer than what is loaded of them.
    beats = only.slots[only.slot_names.index("row")].elements // beat
    reads = [
        rng.randrange(loaded.rows) * loaded.stride + rng.randrange(beats) * beat
        for _ in range(_READS)
    ]
    return [
        *(("x", at, Fault.READ_SLAVE, {}) for at in reads),
        *((name, 0, Fault.WRITE_SLAVE, {"thread": True, "pc": pc}) for name, pc in stores.items()),
    ]

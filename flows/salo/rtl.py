"""Heads of attention on the Verilog of an engine, in the batched engine, checked.

Every output must be that of the golden machine, and the engine must take the cycles of the
schedule.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CheckFailed
from ...generators.artifacts import Build
from ...generators.salo.program import Program
from ...generators.salo.report import cycles
from ...generators.salo.stalls import reason_to_wait
from ...generators.salo.workload import outputs
from ...golden.salo.machine import Operands, Result
from ...verification.salo.stimulus import Design, Head
from ..simulation.batched import BatchedModel

__all__ = ["RtlRuns"]


class RtlRuns:
    """Runs of one program on the Verilog of a build folder.

    Parameters
    ----------
    build
        A design of the salo generator.
    program
        For that engine.
    stall, seed
        Share of the cycles in which streams pause at random, and what that follows from.

    Attributes
    ----------
    heads
        Runs so far.
    due
        Cycles of a run by the schedule.
    cycles
        Of the last run: those due, unless streams paused or there is a ``reason_to_wait``.
    reason_to_wait
        Why the engine may take more cycles than are due, or None.
    outputs
        Outputs that were compared.
    simulated, seconds
        Cycles and time of the simulation, loading included.

    Raises
    ------
    InputError
        If the build is no engine for this program.
    """

    def __init__(
        self, build: Build, program: Program, *, stall: float = 0.0, seed: int = 0
    ) -> None:
        self.build = build
        self.design = Design.of(build.manifest)
        self.design.engine.check(program)
        self.program = program
        self.stall, self.seed = stall, seed
        self.heads = self.cycles = self.outputs = self.simulated = 0
        self.seconds = 0.0
        tiles = program.tiles
        self.due = cycles(len(tiles), tiles.shape, program.dk, program.dv)
        self.reason_to_wait = reason_to_wait(self.design.engine, program)
        self._model = BatchedModel(build, seed=seed)

    @property
    def rate(self) -> int:
        """Simulated cycles in a second."""
        return round(self.simulated / self.seconds) if self.seconds else 0

    @property
    def figures(self) -> dict[str, Any]:
        """What reports say."""
        return {
            "build": str(self.build.folder), "heads": self.heads, "cycles": self.cycles,
            "due": self.due, "reason_to_wait": self.reason_to_wait, "outputs": self.outputs,
            "simulated": self.simulated, "seconds": self.seconds, "rate": self.rate,
        }  # fmt: skip

    def run(self, rows: Operands, riders: Operands | None, expected: Result) -> None:
        """Run a head.

        Raises
        ------
        CheckFailed
            If an output, a flag or the number of cycles is not what the models say, with the first
            one that differs.
        """
        design, model = self.design, self._model
        head = Head("", rows, riders, expected)
        beats = {"load": design.tokens(head)}
        if not self.heads:
            beats["program"] = design.program(self.program)
        due = design.results(self.program, head)
        began = perf_counter()
        done = model.run_streams(
            beats, {"results": len(due)}, stall=dict.fromkeys(beats, self.stall)
            | {"results": self.stall}, seed=self.seed + self.heads, reset=not self.heads,
            watchdog=200 * self.due + 100_000,
        )  # fmt: skip
        self.seconds += perf_counter() - began
        self.simulated += done.cycles
        self.heads += 1
        self.cycles = done.ports["cycles"]
        found = outputs(
            design.engine, self.program, model.unpack("results", done.outputs["results"])
        )
        self._compare(found, expected)
        if not np.array_equal(done.outputs["results"], due):
            raise CheckFailed("results must come in the order in which the program ends blocks")
        for name in ("exponent_saturated", "output_saturated"):
            if bool(done.ports[name]) != getattr(expected, name):
                raise CheckFailed(
                    f"{name} must be {getattr(expected, name)} in head {self.heads - 1}, not "
                    f"{bool(done.ports[name])}"
                )
        free = not self.stall and self.reason_to_wait is None
        if self.cycles < self.due or (free and self.cycles != self.due):
            raise CheckFailed(
                f"cycles of head {self.heads - 1} must be {self.due}, not {self.cycles}"
            )

    def _compare(self, found: NDArray[np.int64], expected: Result) -> None:
        given = expected.outputs.numpy().astype(np.int64)
        wrong = np.argwhere(found != given)
        if len(wrong):
            query, element = map(int, wrong[0])
            raise CheckFailed(
                f"output of head {self.heads - 1}, query {query}, element {element} must be "
                f"{given[query, element]}, not {found[query, element]} ({len(wrong):,} of "
                f"{given.size:,} differ)"
            )
        self.outputs += given.size

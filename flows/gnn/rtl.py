"""A program from disk on the Verilog of its engine, checked against golden codes and cost model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...errors import CheckFailed, InputError
from ...generators.artifacts import Build
from ...generators.gnn.config import GnnConfig
from ...generators.gnn.formats import REGISTERS, Fault
from ...generators.gnn.image import digest
from ...generators.gnn.occupancy import Unit
from ...generators.gnn.presets import PRESETS
from ...generators.gnn.program_file import StoredProgram
from .comparison import check_codes, quality
from .engine_build import build_engine
from .engine_run import EngineModel, EngineRun, MemoryTiming

__all__ = ["engine_config", "run_rtl"]

_BUSY = {
    Unit.READ: "READ_BEATS", Unit.WRITE: "WRITE_BEATS", Unit.VECTOR: "VECTOR_BUSY",
    Unit.MATRIX: "MATRIX_BUSY",
}  # fmt: skip


def engine_config(stored: StoredProgram) -> GnnConfig:
    """Return the config of the engine that a program is for."""
    named = [name for name, each in PRESETS.items() if each == stored.parameters]
    return GnnConfig.model_validate({"preset": (named or ["edge"])[0], **stored.manifest["engine"]})


def run_rtl(
    build: Build, stored: StoredProgram, timing: MemoryTiming, *, limit: int | None = None
) -> dict[str, Any]:
    """Run a program and return what is told of it.

    Parameters
    ----------
    build
        A design of the gnn generator.
    timing
        Of the memory.
    limit
        Most cycles; ten times those foretold, and what pauses and latency can add, if None.

    Raises
    ------
    InputError
        If the build is no engine for this program.
    CheckFailed
        If an output differs from the golden model's, a counter from the cost model's, the engine
        stops with an error, or it takes longer than the limit.
    """
    manifest = build.manifest
    if manifest.generator != "gnn":
        raise InputError(f"build must be a gnn design, not one of {manifest.generator}")
    parameters = GnnConfig.model_validate(manifest.config).parameters()
    if digest(parameters) != digest(stored.parameters):
        raise InputError(
            f"build must be the engine of the program, digest {digest(stored.parameters):#010x}, "
            f"not {digest(parameters):#010x}"
        )
    library = build_engine(build.verilog, manifest.top, parameters.bus_bytes)
    model = EngineModel(library, {each.name: each.offset for each in REGISTERS}, seed=timing.seed)
    patience = 10 + timing.most // 4
    run = model.run(
        stored.image.memory, pass_block=stored.image.pass_block, passes=stored.image.passes,
        digest=digest(stored.parameters), timing=timing,
        limit=limit or int(patience * (stored.foretold + 10_000) / (1 - timing.stall)),
    )  # fmt: skip
    if run.failed:
        raise CheckFailed(_failure(run))
    codes = stored.result(replace(stored.image, memory=run.memory))
    check_codes(codes, stored.expected)
    counted = {unit.value: run.registers[name] for unit, name in _BUSY.items()}
    if counted != stored.busy:
        raise CheckFailed(
            f"occupancies must be those of the cost model, {stored.busy}, not {counted}"
        )
    return {
        "outputs": codes.size, **quality(codes, stored.expected),
        "cycles": run.registers["CYCLES"], "foretold": stored.foretold, "busy": counted,
        "tasks": run.registers["TASKS"], "control_beats": run.registers["CONTROL_BEATS"],
        "latency": [timing.least, timing.most], "stall": timing.stall,
        "rate": round(run.cycles / max(run.seconds, 1e-9)), "registers": dict(run.registers),
    }  # fmt: skip


def _failure(run: EngineRun) -> str:
    """Return why an engine was stopped, in a line."""
    error = run.registers["ERROR"]
    address = run.registers["ERROR_ADDRESS_HIGH"] << 32 | run.registers["ERROR_ADDRESS_LOW"]
    return (
        f"engine must run to its end, not stop with {Fault(error & 15).name} in thread "
        f"{error >> 8 & 31} at instruction {run.registers['ERROR_PC']}, address {address:#x}"
    )

"""Designs of the generator, and the settings that the tests go through."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gatewright.flows.simulation.batched import BatchedModel, StreamResult
from gatewright.generators.artifacts import Build
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.modred import generator
from gatewright.generators.modred.config import ModredConfig
from gatewright.verification.modred.stimulus import Design, Operands
from gatewright.verification.stalls import Stall

__all__ = ["ARCHITECTURES", "SIZES", "VARIANTS", "build", "config", "run_operands"]

ARCHITECTURES = (
    "lut", "hybrid", "horner", "horner_cs", "barrett_mcm", "montgomery_mcm", "restoring",
)  # fmt: skip

VARIANTS = (
    "lut group_bits=3 fold_bits=2 pipeline=levels",
    "lut technology=asic pipeline=levels",
    "lut group_bits=6 pipeline=none",
    "lut mode=multi_cycle group_bits=2",
    "lut store=block_ram group_bits=5",
    "hybrid group_bits=4 tree=2 restore_bits=2 fuse=early",
    "hybrid group_bits=1 fuse=late split=1",
    "hybrid split=0 tree=2",
    "horner digit_bits=1",
    "horner digit_bits=4 tables=2",
    "horner mode=streaming digit_bits=2",
    "horner store=block_ram",
    "horner_cs digit_bits=1",
    "horner_cs mode=streaming digit_bits=2",
    "barrett_mcm naf=2 pipeline=none",
    "barrett_mcm naf=4 technology=asic pipeline=levels",
    "montgomery_mcm naf=2 pipeline=levels",
    "montgomery_mcm naf=5 technology=asic",
    "restoring restore_bits=3",
    "restoring mode=streaming restore_bits=2",
)
"""An architecture with options off their defaults."""

SIZES = {
    32: 0x93D1E9E3,
    64: 0x9FF63C0179E58219,
    128: 0xE7D9849F3C94F8E0D974B822F0A612E1,
    256: 0xF50B79840A35E888CEA8684B60033CD65DB233956EA88F4B4F72FD3F7D254DB9,
}
"""The moduli of the design brief's measurements."""


def config(modulus: int, settings: str) -> ModredConfig:
    """The config of ``architecture key=value ...``."""
    architecture, *options = settings.split()
    given = [f"modulus={modulus:#x}", f"architecture={architecture}", *options]
    return load_config(generator.config(), None, given)


def build(folder: Path, modulus: int, settings: str) -> Build:
    """Emit the design of ``architecture key=value ...``."""
    return build_design(generator, config(modulus, settings), folder)


def run_operands(
    model: BatchedModel,
    operands: Operands,
    *,
    expected: Operands | None = None,
    stall: dict[str, Stall] | None = None,
    seed: int = 0,
    ports: dict[str, int] | None = None,
) -> StreamResult:
    """Run operands through a design and compare every result."""
    design = Design.of(model.manifest)
    results = design.results(operands) if expected is None else expected
    run = model.run_streams(
        {"i": design.beats(operands)}, {"o": len(operands)}, stall=stall, seed=seed, ports=ports,
        watchdog=1000 + 4 * design.latency,
    )  # fmt: skip
    right = design.result_beats(results)
    wrong = (run.outputs["o"] != right).any(axis=1).nonzero()[0]
    if len(wrong):
        at = int(wrong[0])
        got = design.unpacked(run.outputs["o"][at : at + 1])[0]
        raise AssertionError(
            f"{len(wrong)} of {len(operands)} results differ; expected {_hex(results[at])}, got "
            f"{_hex(got)}, seed {seed}, from {design.explain(operands, at)}"
        )
    return run


def _hex(numbers: Sequence[int]) -> str:
    return ", ".join(map(hex, numbers))

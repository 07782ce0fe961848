"""Reducers beside what a user would write, and the published method beside what dominates it.

Areas on ECP5 are LUTs without DSPs (a carry cell counts two), of mapped netlists; areas in standard
cells are of Nangate45, read from GATEWRIGHT_LIBERTY or from shared/liberty beside the project, else
of the built-in technology file. Moduli are random odd numbers with the top bit set (the brief's
bench moduli); operands have 2n bits.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatewright.flows.synthesis import synthesize
from gatewright.generators.artifacts import Build, Manifest, Port, digest
from gatewright.generators.emission import emit
from gatewright.generators.modred.cost import TARGETS, estimate
from gatewright.generators.modred.modulus import parse_modulus
from gatewright.hw.arith.compressors import CompressorTree, CompressorTreeParameters
from gatewright.hw.modred.barrett_mcm import BarrettParameters
from gatewright.hw.modred.horner import HornerParameters
from gatewright.hw.modred.horner_cs import HornerCarrySaveParameters
from gatewright.hw.modred.hybrid import HybridParameters
from gatewright.hw.modred.lut import LutParameters
from gatewright.hw.modred.reducer import Pipelining, ReducerParameters, Style
from gatewright.hw.unit import Unit, flat_ports

sys.path.insert(0, str(Path(__file__).parent))

from modred_baselines import BarrettByStar, MontgomeryByStar, PlainParameters, Remainder
from rows import Row, row

MODULI = {
    32: 0x93D1E9E3,
    64: 0x9FF63C0179E58219,
    128: 0xE7D9849F3C94F8E0D974B822F0A612E1,
    256: 0xF50B79840A35E888CEA8684B60033CD65DB233956EA88F4B4F72FD3F7D254DB9,
}
GOLDILOCKS = 2**64 - 2**32 + 1
VDF = parse_modulus("vdf")  # 1024 bits


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        bench = _Bench(Path(name))
        return [
            *bench.streaming(),
            *bench.iterative(),
            *bench.published(),
            *bench.carry_save(),
            *bench.at_8192_bits(),
            *bench.standard_cells(),
            *bench.compressors(),
            *_planning(Path(name)),
        ]


class _Bench:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._areas: dict[Any, float] = {}

    def streaming(self) -> Iterator[Row]:
        """One result per cycle, against what a user would write."""
        plain = {
            (32, "x % M"): Remainder, (32, "Barrett with *"): BarrettByStar,
            (32, "Montgomery with *"): MontgomeryByStar, (64, "Barrett with *"): BarrettByStar,
        }  # fmt: skip
        ours = {n: self._best(_streaming(n)) for n in MODULI}
        for (n, title), cls in plain.items():
            baseline = self._luts(cls(PlainParameters(MODULI[n])))
            name = f"ECP5, {n} bits, one per cycle: {ours[n][0]} against {title}"
            yield row(name, ours[n][1], "LUT", baseline=baseline, target=1.0, target_is="ratio",
                      at_most=True)  # fmt: skip
        for n, limit in ((128, 5500), (256, 16500)):
            name = f"ECP5, {n} bits, one per cycle: {ours[n][0]}"
            yield row(name, ours[n][1], "LUT", target=limit, at_most=True)

    def iterative(self) -> Iterator[Row]:
        for modulus, limit in ((MODULI[128], 1050), (VDF, 7500)):
            p = HornerParameters(modulus=modulus, width=2 * modulus.bit_length(), digit_bits=3)
            name = f"ECP5, {modulus.bit_length()} bits, horner, 3 bits a step, {p.interval} cycles"
            yield row(name, self._area(p), "LUT", target=limit, at_most=True)

    def published(self) -> Iterator[Row]:
        """The hybrid of the paper and ours, its own baseline, and the rivals: area x cycles."""
        for n, rival in ((128, 3.5), (256, 4.5)):
            common = {"modulus": MODULI[n], "width": 2 * n}
            serial = self._cheapest(
                HybridParameters(**common, group_bits=k, split=0, tree=a)
                for k, a in ((1, 1), (2, 1), (3, 1), (4, 1), (2, 2), (3, 2))
            )
            paper = self._cheapest(HybridParameters(**common, group_bits=k) for k in (1, 2, 3))
            ours = self._cheapest(
                HybridParameters(**common, group_bits=k, tree=a, restore_bits=r)
                for k, a in ((1, 1), (2, 1), (2, 2)) for r in (2, 4)
            )  # fmt: skip
            horner = self._cheapest(HornerParameters(**common, digit_bits=k) for k in (3, 4, 5))
            streaming = self._cheapest(_streaming(n))
            unit, title = "LUT cycles", f"ECP5, {n} bits, area x cycles:"
            for what, hybrid in (("hybrid as published", paper), ("our hybrid", ours)):
                rows = (
                    (f"serial table over {what}", hybrid, serial, 1.65),
                    (f"{what} over horner", horner, hybrid, rival),
                    (f"{what} over one per cycle", streaming, hybrid, 25.0 if n == 128 else None),
                )
                for name, value, baseline, target in rows:
                    name = f"{title} {name}"
                    yield row(name, value, unit, baseline=baseline, inverse=True, target=target,
                              target_is="ratio")  # fmt: skip

    def at_8192_bits(self) -> Iterator[Row]:
        """The paper's claim at 8192 bits, by the cost model."""
        modulus = parse_modulus("rfc3526:8192")
        common = {"modulus": modulus, "width": 2 * modulus.bit_length()}

        def cheapest(candidates: Any) -> float:
            return min(estimate(p, TARGETS["ecp5"]).area * p.interval for p in candidates)

        serial = cheapest(
            HybridParameters(**common, group_bits=k, split=0, tree=a)
            for k in (1, 2, 3, 4, 5) for a in (1, 2)
        )  # fmt: skip
        hybrid = cheapest(
            HybridParameters(**common, group_bits=k, tree=a, restore_bits=r)
            for k in (1, 2, 3, 4) for a in (1, 2) for r in (1, 2, 3, 4)
        )  # fmt: skip
        name = "ECP5 by the cost model, 8192 bits, area x cycles: serial table over hybrid"
        yield row(name, hybrid, "LUT cycles", baseline=serial, inverse=True, target=3.0,
                  target_is="ratio")  # fmt: skip

    def carry_save(self) -> Iterator[Row]:
        """The clock period of carry-save Horner hardly grows with n; routed, and in gates alone."""
        flow, library, _ = _cells()
        ways: dict[str, tuple[str, dict[str, Any]]] = {
            "ECP5, routed": ("ecp5-85k", {"dsp": False}),
            library: (flow, {"recipes": "fast", "flatten": True}),
        }
        for title, (place, options) in ways.items():
            reports = []
            for modulus in (MODULI[64], VDF):
                p = HornerCarrySaveParameters(
                    modulus=modulus, width=2 * modulus.bit_length(), digit_bits=3
                )
                reports.append(synthesize(self._build(p.create()), place, **options))
            name = f"{title}, carry-save horner, period at 1024 bits against 64 bits"
            short, long = (report["delay"] for report in reports)
            yield row(name, long, reports[1]["delay_unit"], baseline=short, target=1.2,
                      target_is="ratio", at_most=True)  # fmt: skip

    def compressors(self) -> Iterator[Row]:
        """Full-adder cells against gates, and Dadda's stages against the earliest bits first."""
        flow, library, unit = _cells()
        rows = ((0, 64),) * 17
        fronts = {}
        for strategy in ("dadda", "arrival"):
            p = CompressorTreeParameters(rows=rows, width=68, strategy=strategy)
            fronts[strategy] = synthesize(self._build(CompressorTree(p)), flow)["fronts"]
        tree = f"{library}, compressor of 17 rows of 64 bits"
        for what, unit_of in (("area", unit), ("delay", "FO4" if flow == "ge" else "ns")):
            gates, cells = (
                min(
                    found[what] for name, found in fronts["dadda"].items()
                    if name.endswith("full-adders") is wanted
                )
                for wanted in (False, True)
            )  # fmt: skip
            name = f"{tree}, least {what}: full-adder cells against gates"
            yield row(name, cells, unit_of, baseline=gates, at_most=True)
            stages, first = (
                min(found[what] for found in fronts[strategy].values())
                for strategy in ("dadda", "arrival")
            )
            name = f"{tree}, least {what}: Dadda's stages against the earliest bits first"
            yield row(name, stages, unit_of, baseline=first, at_most=True)

    def standard_cells(self) -> Iterator[Row]:
        flow, library, unit = _cells()
        p = BarrettParameters(
            modulus=GOLDILOCKS, width=128, reciprocal_naf=2, modulus_naf=2, style=Style.COMPRESSOR,
            pipeline=Pipelining.NONE,
        )  # fmt: skip
        report = synthesize(self._build(p.create()), flow, objective="area", flatten=True)
        limit = 1700 if unit == "um2" else None
        name = f"{library}, Goldilocks, one per cycle"
        yield row(name, report["area"], unit, target=limit, at_most=True)

    def _area(self, p: ReducerParameters) -> float:
        if p not in self._areas:
            self._areas[p] = self._luts(p.create())
        return self._areas[p]

    def _best(self, candidates: list[ReducerParameters]) -> tuple[str, float]:
        areas = {p: self._area(p) for p in candidates}
        best = min(areas, key=lambda p: areas[p])
        return _name(best), areas[best]

    def _cheapest(self, candidates: Any) -> float:
        return min(self._area(p) * p.interval for p in candidates)

    def _luts(self, unit: Unit) -> float:
        report = synthesize(self._build(unit), "ecp5-85k", dsp=False, place=False)
        return float(report["luts"])

    def _build(self, unit: Unit) -> Build:
        text = emit(unit, name="dut").verilog
        hash = digest(text)
        ports = tuple(
            Port(name, "in" if flow.name == "In" else "out", len(value))
            for name, flow, value in flat_ports(unit)
        )
        build = Build(
            self._folder / hash[:16],
            Manifest(
                generator="modred", design="dut", top="dut", verilog=("dut.v",), config={},
                config_hash="", hash=hash, clock="clk", reset="rst", ports=ports,
            ),
        )
        build.save({"dut.v": text})
        return build


def _cells() -> tuple[str, str, str]:
    """Target, its name and its unit of area."""
    shared = Path(__file__).parents[2] / "shared" / "liberty" / "nangate45_typ.lib.gz"
    path = Path(os.environ.get("GATEWRIGHT_LIBERTY", shared))
    if path.exists():
        return f"liberty:{path}", "Nangate45", "um2"
    return "ge", "built-in technology", "GE"


def _streaming(n: int) -> list[ReducerParameters]:
    common: dict[str, Any] = {
        "modulus": MODULI[n], "width": 2 * n, "style": Style.CHAIN, "pipeline": Pipelining.LEVELS,
    }  # fmt: skip
    widths = (3, 4, 5) if n >= 128 else (2, 3, 4)
    barrett: list[ReducerParameters] = [
        BarrettParameters(**common, reciprocal_naf=w, modulus_naf=w) for w in widths
    ]
    return [*barrett, LutParameters(**common, group_bits=4)]


def _name(p: ReducerParameters) -> str:
    if isinstance(p, BarrettParameters):
        return f"barrett_mcm, NAF width {p.reciprocal_naf}"
    return p.architecture


def _planning(folder: Path) -> Iterator[Row]:
    """Planning and emission at 8192 bits, as a user runs them: time of one core."""
    for name, target, arguments in (
        ("plan", 10, ["modred", "plan", "rfc3526:8192"]),
        ("emission", 60, ["emit", "modred", "-p", "modulus=rfc3526:8192", "-o", "big"]),
    ):
        command = str(Path(sys.executable).with_name("gatewright"))
        began = _children()
        subprocess.run([command, *arguments, "--quiet"], check=True, cwd=folder)
        taken = _children() - began
        yield row(f"{name}, 8192 bits", taken, "s", target=target, at_most=True)


def _children() -> float:
    """Seconds of processor time of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    for each in run():
        print(each)

"""What the salo generator claims: the exponential, merging of sums, and what its tiles cover."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from ...errors import CheckFailed
from ...golden.salo.datapath import EMPTY, Sums
from ...golden.salo.datapath import merge as golden_merge
from ...golden.salo.exponential import exponential
from ...hw.salo.alignment import align, rounded_sum, shift_bits
from ...hw.salo.exponential import ExponentialLines
from ...hw.unit import Unit
from ..formal import Always, Claim, Computed, Finding, ForEvery, Property
from .certificate import certify
from .config import SaloConfig
from .design import parameters
from .feeder_claims import feeder_properties
from .pattern import Pattern
from .schedule import make_schedule
from .terms import Band

__all__ = ["Exponential", "Merge", "MergeParameters", "exact_merge", "properties", "rises"]

_ERRORS = {8: 0.0041, 13: 0.00024}
"""Largest relative error by bits of the mantissa: brief `salo`, section 4.3."""

_PATTERNS: dict[str, Callable[[], Pattern]] = {
    "band": lambda: Pattern(96, 96, [Band(-11, 12)]),
    "dilated-band": lambda: Pattern(96, 96, [Band(-12, 12, 3)]),
    "circulant": lambda: Pattern(64, 64, [Band(-5, 6), Band(-70, -58), Band(58, 70)]),
    "causal": lambda: Pattern(96, 96, [Band(-20, 0)], causal=True),
}


class Exponential(Unit):
    """``result = e(fraction)``: the lines with a multiplier of their own.

    Members
    -------
    fraction : In(fraction_bits)
    result : Out(mantissa_bits)
    """

    p: ExponentialLines

    def __init__(self, p: ExponentialLines) -> None:
        super().__init__(p, {"fraction": In(p.fraction_bits), "result": Out(p.mantissa_bits)})

    def body(self) -> Module:
        m = Module()
        p = self.p
        segment, offset = self.fraction[p.offset_bits :], self.fraction[: p.offset_bits]
        line = Signal(p.drop + p.mantissa_bits + 1)
        start, slope = p.start(m, segment), p.slope(m, segment)
        m.d.comb += [
            line.eq((start << p.start_shift) + slope * offset), self.result.eq(p.mantissa(line)),
        ]  # fmt: skip
        return m


@dataclass(frozen=True)
class MergeParameters:
    """Bits of exponents and of sums, both signed."""

    exp_bits: int
    sum_bits: int


class Merge(Unit):
    """Two partial sums of a row into one, as the weighted-sum module and the elements do it.

    Members
    -------
    maximum, other : In(signed(exp_bits)), seen, other_seen : In(1)
        The exponents, and whether there are sums.
    sum, other_sum : In(signed(sum_bits))
        The sums; of the first, 0 where there is none.
    merged_maximum : Out(signed(exp_bits)), merged : Out(signed(sum_bits))
    """

    p: MergeParameters

    def __init__(self, p: MergeParameters) -> None:
        exponent, total = signed(p.exp_bits), signed(p.sum_bits)
        super().__init__(p, {
            "maximum": In(exponent), "other": In(exponent), "seen": In(1), "other_seen": In(1),
            "sum": In(total), "other_sum": In(total),
            "merged_maximum": Out(exponent), "merged": Out(total),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        found = align(
            m, self.maximum, self.seen, self.other, self.other_seen, shift_bits(self.p.sum_bits)
        )
        swap = found.other_larger
        merged = rounded_sum(
            m, Mux(swap, self.other_sum, self.sum), Mux(swap, self.sum, self.other_sum),
            found.amount,
        )
        m.d.comb += [self.merged_maximum.eq(found.maximum), self.merged.eq(merged)]
        return m


def properties(config: SaloConfig) -> list[Property]:
    """Return the properties of a design."""
    formats = parameters(config).array.datapath
    lines = formats.lines
    name = config.numbers
    found = [
        Property(
            f"exponential.{name}.golden",
            f"the hardware's mantissa is the golden model's for all 2^{lines.fraction_bits} "
            "fractions",
            ForEvery(
                partial(Exponential, lines), partial(_fractions, lines),
                partial(_mantissas, config),
            ),
        ),
        Property(
            f"exponential.{name}.rises", "a larger fraction never has a smaller mantissa",
            Always(partial(rises, lines)),
        ),
        Property(
            f"exponential.{name}.error",
            f"every mantissa is within {_ERRORS[lines.mantissa_bits]:.3%} of 2^x",
            Computed(partial(_error, lines)),
        ),
        Property(
            "merge.golden",
            "two partial rows merge as in the golden rule, for all sums of 6 bits and exponents of "
            "4 bits",
            ForEvery(partial(Merge, MergeParameters(4, 6)), _pairs_of_sums, _merged),
        ),
        Property(
            "merge.exact",
            "M' = max(M, m), L' = rs(L, M' - M) + rs(l, M' - m), in full width, exponents of "
            f"{formats.exp_bits} and sums of 16 bits",
            Always(partial(exact_merge, MergeParameters(formats.exp_bits, 16))),
        ),
    ]  # fmt: skip
    found += [
        Property(
            f"tiles.{pattern}",
            "the feeds meet each pair of the pattern exactly once, and no other, on wires that are "
            "there",
            Computed(partial(_covered, config, make)),
        )
        for pattern, make in _PATTERNS.items()
    ]
    found += feeder_properties()
    return found


def _fractions(lines: ExponentialLines) -> dict[str, Any]:
    return {"fraction": np.arange(1 << lines.fraction_bits, dtype=np.int64)}


def _mantissas(config: SaloConfig, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"result": exponential(torch.from_numpy(given["fraction"]), config.format).numpy()}


def rises(lines: ExponentialLines, claim: Claim) -> None:
    """Claim that of two fractions the larger one has no smaller mantissa."""
    m = claim.m
    results = []
    fraction = claim.free(lines.fraction_bits, "fraction")
    for name, value in (("low", fraction), ("high", fraction + 1)):
        unit: Any = Exponential(lines)
        m.submodules[name] = unit
        m.d.comb += unit.fraction.eq(value)
        results.append(unit.result)
    claim.assume(~fraction.all())
    claim.hold(results[0] <= results[1])
    claim.hold(results[0][-1])


def _error(lines: ExponentialLines) -> Finding:
    count = 1 << lines.fraction_bits
    limit = _ERRORS[lines.mantissa_bits]
    worst = 0.0
    for fraction in range(count):
        segment, offset = divmod(fraction, 1 << lines.offset_bits)
        line = (lines.starts[segment] << lines.start_shift) + lines.slopes[segment] * offset
        mantissa = min(line >> lines.drop, (1 << lines.mantissa_bits) - 1)
        error = abs(mantissa / (2 ** (fraction / count) * (1 << lines.mantissa_bits - 1)) - 1)
        if error > limit:
            return Finding(fraction, (), {"fraction": fraction, "mantissa": mantissa})
        worst = max(worst, error)
    return Finding(count, [f"largest relative error {worst:.4%}"])


def _pairs_of_sums() -> dict[str, Any]:
    exponents, sums = np.arange(-8, 8), np.arange(-16, 16)
    grids = np.meshgrid(exponents, exponents, sums, sums, [0, 1], [0, 1], indexing="ij")
    maximum, other, total, more, seen, other_seen = (each.ravel() for each in grids)
    # A row without keys has a sum of 0; a tile without has any.
    return {
        "maximum": maximum, "other": other, "sum": np.where(seen, total, 0), "other_sum": more,
        "seen": seen, "other_seen": other_seen,
    }  # fmt: skip


def _merged(given: Mapping[str, Any]) -> dict[str, Any]:
    def sums(maximum: str, seen: str, total: str) -> Sums:
        there = torch.from_numpy(given[seen]).bool()
        octave = torch.from_numpy(given[maximum]).masked_fill(~there, EMPTY)
        number = torch.from_numpy(given[total]).masked_fill(~there, 0)
        return Sums(octave, number, number[:, None].clone())

    after = golden_merge(
        sums("maximum", "seen", "sum"), sums("other", "other_seen", "other_sum")
    )
    there = (given["seen"] | given["other_seen"]).astype(bool)
    # Without keys in either, no maximum counts: the hardware keeps the first.
    return {
        "merged_maximum": np.where(there, after.maximum.numpy(), given["maximum"]),
        "merged": after.total.numpy(),
    }


def exact_merge(p: MergeParameters, claim: Claim) -> None:
    """Claim the rule, computed without a limit on shifts."""
    m = claim.m
    unit: Any = Merge(p)
    m.submodules.merge = unit
    ports = {
        name: claim.free(member.shape, name)
        for name, member in unit.signature.members.items()
        if not name.startswith("merged")
    }
    m.d.comb += [getattr(unit, name).eq(signal) for name, signal in ports.items()]
    claim.assume(ports["seen"] & ports["other_seen"])
    larger = ports["other"] > ports["maximum"]
    maximum = Mux(larger, ports["other"], ports["maximum"])
    total: Any = 0
    for exponent, number in (("maximum", "sum"), ("other", "other_sum")):
        down = Signal(range(1 << p.exp_bits), name=f"down_{number}")
        # Beyond the width of a sum, a shift leaves nothing: cap it to keep the rule's adder small.
        capped = Signal(range(p.sum_bits + 2), name=f"capped_{number}")
        m.d.comb += [
            down.eq(maximum - ports[exponent]),
            capped.eq(Mux(down > p.sum_bits, p.sum_bits + 1, down)),
        ]  # fmt: skip
        half = Signal(p.sum_bits + 2, name=f"half_{number}")
        m.d.comb += half.eq((1 << capped) >> 1)
        total = total + ((ports[number] + half) >> capped)
    claim.hold(unit.merged_maximum == maximum)
    claim.hold(unit.merged == total[: p.sum_bits].as_signed())


def _covered(config: SaloConfig, make: Callable[[], Pattern]) -> Finding:
    pattern = make()
    try:
        schedule = make_schedule(pattern, config.shape)
        found = certify(schedule.tiles, pattern)
    except CheckFailed as failure:
        return Finding(pattern.allowed, (), {"what": str(failure)})
    if found.pairs != pattern.allowed:
        return Finding(found.pairs, (), {"pairs": found.pairs, "allowed": pattern.allowed})
    return Finding(found.pairs, [f"{found.tiles} tiles, {found.pairs} pairs"])

"""Coefficients of the cost model: fitted by ``benchmarks/modred_model.py``."""

from __future__ import annotations

from dataclasses import dataclass

from .structure import Structure

__all__ = ["ASIC", "ECP5", "Coefficients"]


@dataclass(frozen=True)
class Coefficients:
    """Weights of the counts of one kind of reducer.

    Attributes
    ----------
    adder, full_adder, table, bit, rest, register, fixed
        Area per adder bit, full adder, four-input function of a table, bit of the modulus, bit of
        the operand beyond it, flip-flop; and of the control.
    base, chain, depth, fan
        Period: what every path takes, per bit of carry chain, per level of logic, and per bit of
        the modulus, since as many registers wait for one signal.
    """

    adder: float = 0
    full_adder: float = 0
    table: float = 0
    bit: float = 0
    rest: float = 0
    register: float = 0
    fixed: float = 0
    base: float = 0
    chain: float = 0
    depth: float = 0
    fan: float = 0

    def area(self, counts: Structure) -> float:
        """Area, at least that of one cell."""
        return max(
            1.0,
            self.adder * counts.adder_bits
            + self.full_adder * counts.full_adders
            + self.table * counts.luts()
            + self.bit * counts.bits
            + self.rest * counts.rest
            + self.register * counts.registers
            + self.fixed,
        )

    def period(self, counts: Structure) -> float:
        """Clock period."""
        path = self.chain * counts.chain + self.depth * counts.depth
        return self.base + path + self.fan * counts.bits


ECP5: dict[str, Coefficients] = {
    # 13 areas -2.4% to +2.3%, 2 periods -0.4% to +0.4%
    "barrett_chain": Coefficients(
        adder=0.9521, bit=0.6741, rest=0.6741,
        base=2.902, chain=0.05783,
    ),
    # 4 areas -0.3% to +0.3%, 4 periods -1.3% to +1.3%
    "barrett_chain_merged": Coefficients(
        adder=0.9758, bit=0.05758, rest=0.05758, register=0.1775, fixed=0.001594,
        base=0.1222, chain=0.0634, depth=2.695,
    ),
    # 32 areas -13.3% to +13.4%, 10 periods -8.3% to +8.5%
    "horner": Coefficients(
        adder=2.277, table=1.376, bit=0.3902, rest=0.3902, fixed=17.63,
        base=5.449, chain=0.04335, depth=0.603,
    ),
    # 16 areas -5.3% to +5.3%, 4 periods -8.3% to +8.3%
    "horner_cs": Coefficients(
        full_adder=2.713, table=1.062, bit=2.713, rest=2.713, fixed=61.43,
        base=2.113, chain=0.08793, depth=2.45,
    ),
    # 6 areas -8.7% to +8.7%, 1 periods -0.1% to -0.1%
    "horner_cs_unrolled": Coefficients(
        full_adder=1.559, table=0.6538, bit=11.82, rest=11.82,
        base=1.954, chain=0.07997, depth=2.246,
    ),
    # 6 areas -0.2% to +0.2%, 2 periods -0.2% to +0.2%
    "horner_unrolled": Coefficients(
        table=0.9323, register=0.7314, fixed=58.25,
        base=1.492, chain=0.08283, depth=1.657,
    ),
    # 25 areas -13.8% to +14.0%, 8 periods -6.9% to +6.9%
    "hybrid": Coefficients(
        adder=2.161, table=1.33, bit=0.2714, rest=0.2714, fixed=78.24,
        base=1.757, chain=0.07336, depth=2.003,
    ),
    # 12 areas -0.9% to +0.9%, 5 periods -6.0% to +6.0%
    "lut_chain": Coefficients(
        adder=0.4999, table=0.9713, bit=0.2315, rest=0.2315, register=0.4999,
        base=2.412, chain=0.09847,
    ),
    # 4 areas -0.2% to +0.2%, 3 periods -14.0% to +14.0%
    "lut_chain_merged": Coefficients(
        adder=1.057, table=0.9013, bit=0.1481, rest=0.1481, register=0.1536, fixed=0.00548,
        base=5.557, chain=0.1472, depth=0.6966,
    ),
    # 3 areas +0.0% to +0.0%, 2 periods -1.1% to +1.1%
    "montgomery_chain": Coefficients(
        adder=0.4347, bit=0.05899, rest=0.05899, register=0.5527, fixed=22.23,
        base=4.572, chain=0.04478,
    ),
    # 10 areas -0.9% to +0.9%, 5 periods -3.5% to +3.5%
    "restoring": Coefficients(
        adder=2.091, bit=0.3189, rest=0.3189, register=0.2431, fixed=10.28,
        base=1.376, chain=0.04545, depth=2.105,
    ),
    # 4 areas -1.2% to +1.2%, 2 periods -0.4% to +0.4%
    "restoring_unrolled": Coefficients(
        adder=1.858, bit=0.2185, rest=0.2185, register=0.1698,
        base=2.816, chain=0.123, depth=1.445,
    ),
    "wires": Coefficients(),
}
ASIC: dict[str, Coefficients] = {
    # 7 areas -11.3% to +11.3%, 7 periods -16.0% to +16.0%
    "barrett_compressor": Coefficients(
        adder=8.361, full_adder=4.912, register=9.687,
        base=13.25, chain=0.2529, depth=6.608,
    ),
    # 8 areas -3.6% to +3.6%, 8 periods -5.0% to +5.0%
    "horner": Coefficients(
        adder=6.455, table=3.153, bit=16.55, rest=16.55, register=1.884, fixed=208,
        base=30.31, chain=0.1177, depth=2.628,
    ),
    # 5 areas -3.0% to +3.0%, 5 periods -7.2% to +7.2%
    "horner_cs": Coefficients(
        adder=30.16, full_adder=20.77, table=3.649, bit=20.77, rest=20.77, register=7.024,
        base=13.94, chain=0.3169, depth=2.751, fan=0.07471,
    ),
    # 3 areas -0.4% to +0.4%, 3 periods -1.9% to +1.9%
    "horner_cs_unrolled": Coefficients(
        full_adder=27.95, table=5.242,
        base=14.68, chain=0.3291, fan=0.2867,
    ),
    # 4 areas -4.1% to +4.1%, 4 periods -1.2% to +1.2%
    "horner_unrolled": Coefficients(
        table=6.926, register=13.34,
        base=16.43, chain=0.1085, depth=3.458, fan=0.4033,
    ),
    # 8 areas -1.2% to +1.2%, 8 periods -2.6% to +2.6%
    "hybrid": Coefficients(
        adder=10.58, table=3.145, bit=10.74, rest=10.74, register=10.55, fixed=225.5,
        base=19.97, chain=0.2077, depth=5.988,
    ),
    # 6 areas -9.1% to +9.1%, 6 periods -13.9% to +13.9%
    "lut_compressor": Coefficients(
        full_adder=9.185, register=9.21, fixed=1227,
        base=13.99, chain=0.8354, depth=0.28,
    ),
    # 4 areas -13.0% to +13.0%, 4 periods -4.0% to +4.0%
    "montgomery_compressor": Coefficients(
        adder=15.21, register=9.209,
        base=16.99, chain=0.2513, depth=6.711,
    ),
    # 5 areas -6.0% to +6.0%, 5 periods -6.8% to +6.8%
    "restoring": Coefficients(
        adder=7.383, register=9.891,
        base=20.24, chain=0.1884, depth=4.755,
    ),
    # 3 areas +0.0% to +0.0%, 3 periods -6.6% to +6.6%
    "restoring_unrolled": Coefficients(
        adder=5.255, bit=14.61, rest=14.61, register=7.192, fixed=0.7113,
        chain=0.3194, depth=5.052, fan=0.3717,
    ),
    "wires": Coefficients(),
}

# Not measured: the same sums in the same order.
ECP5["montgomery_chain_merged"] = ECP5["barrett_chain_merged"]

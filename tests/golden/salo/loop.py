"""The datapath one pair at a time in Python integers, written from the brief's section 4.3."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

IC8 = [1023, 1116, 1217, 1327, 1447, 1578, 1721, 1877]
SL8 = [93, 101, 110, 120, 131, 143, 157, 170]
IC12 = [16382, 17108, 17865, 18656, 19482, 20344, 21245, 22185, 23168, 24193, 25265, 26383, 27551,
        28771, 30045, 31374]  # fmt: skip
SL12 = [1450, 1513, 1581, 1651, 1724, 1802, 1881, 1965, 2049, 2143, 2236, 2336, 2440, 2547, 2659,
        2780]  # fmt: skip


def half_up(x: Fraction) -> int:
    return (x + Fraction(1, 2)).__floor__()


def exponential(fr: int, fraction_bits: int) -> int:
    if fraction_bits == 10:
        s, o = fr // 128, fr % 128
        return min(max(((IC8[s] << 7) + SL8[s] * o + 512) >> 10, 128), 255)
    s, o = fr // 512, fr % 512
    return ((IC12[s] << 10) + SL12[s] * o + 2**11) >> 12


class Row:
    """Sums of a row: m is None when there is no key."""

    def __init__(self, dv):
        self.m, self.l, self.num = None, 0, [0] * dv

    def add(self, n, terms_l, terms_num):
        """Add a term at octave n: (m', l', num') of the brief."""
        m = n if self.m is None else max(self.m, n)
        delta = 0 if self.m is None else m - self.m
        de = m - n
        self.l = half_up(Fraction(self.l, 2**delta)) + half_up(Fraction(terms_l, 2**de))
        self.num = [
            half_up(Fraction(x, 2**delta)) + half_up(Fraction(y, 2**de))
            for x, y in zip(self.num, terms_num, strict=True)
        ]
        self.m = m


def outputs_of(row, fmt):
    """Outputs, and whether one saturated."""
    if row.l == 0:
        return [0] * len(row.num), False
    width = max(16, fmt.kv_bits + fmt.out_fraction_bits)
    low, high = -(2 ** (width - 1)), 2 ** (width - 1) - 1
    b = row.l.bit_length()
    r = half_up(Fraction(2 ** (b + width - 1), row.l))
    exact = [
        half_up(Fraction(x * r * 2**fmt.out_fraction_bits, 2 ** (b + width - 1))) for x in row.num
    ]
    return [min(max(x, low), high) for x in exact], any(not low <= x <= high for x in exact)


class Loop:
    """Runs tiles; afterwards `outputs` has a list per written query."""

    def __init__(self, operands, fmt, f, rider_operands=None):
        self.fmt, self.f = fmt, f
        self.local = tuple(x.tolist() for x in (operands.q, operands.k, operands.v))
        private = rider_operands or operands
        self.private = tuple(x.tolist() for x in (private.q, private.k, private.v))
        self.state: dict[Any, Row] = {}
        self.outputs: dict[int, list[int]] = {}
        self.sums: dict[int, Row] = {}
        self.exponent_saturated = self.output_saturated = False

    def run(self, batch):
        for t in range(len(batch.first)):
            for i, query in enumerate(batch.queries[t].tolist()):
                self.tile(("row", i), self.local, query, batch.tokens[t, i].tolist(),
                          bool(batch.first[t]), bool(batch.last[t]))  # fmt: skip
            for g, query in enumerate(batch.rider_queries[t].tolist()):
                self.tile(("rider", g), self.private, query, batch.rider_tokens[t, g].tolist(),
                          bool(batch.rider_first[t, g]), bool(batch.rider_last[t, g]))  # fmt: skip
        return self

    def tile(self, place, operands, query, tokens, first, last):
        q, k, v = operands
        fmt, dv = self.fmt, len(v[0])
        if first:
            self.state[place] = Row(dv)
        if query < 0:
            return
        row = Row(dv)
        for token in tokens:
            if token < 0:
                continue
            acc = sum(a * b for a, b in zip(q[query], k[token], strict=True))
            t = half_up(Fraction(acc * 2**fmt.fraction_bits, 2**self.f))
            n = t // 2**fmt.fraction_bits
            e = exponential(t % 2**fmt.fraction_bits, fmt.fraction_bits)
            bound = 2 ** (fmt.exp_bits - 1)
            if not -bound <= n < bound:
                self.exponent_saturated = True
                n = min(max(n, -bound), bound - 1)
            row.add(n, e << fmt.guard_bits, [(e * x) << fmt.guard_bits for x in v[token]])
        block = self.state[place]
        if row.m is not None:
            block.add(row.m, row.l, row.num)
        if last:
            self.outputs[query], saturated = outputs_of(block, fmt)
            self.sums[query] = block
            self.output_saturated |= saturated

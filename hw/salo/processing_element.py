"""Processing element: a score, its exponential and its part of a row's sums, on one multiplier."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .alignment import align, rounded_sum, shift_bits
from .parameters import DatapathParameters
from .stages import Stage, is_score

__all__ = ["ProcessingElement"]


class ProcessingElement(Unit):
    """One pair of a query and a key: add its share to the sums that pass by.

    With ``acc = Σ q k``, ``t = acc * 2^(FB - f)`` rounded half up, ``n = t >> FB`` saturated to
    ``exp_bits``, ``e`` the mantissa of ``2^(t mod 2^FB / 2^FB)``, and ``rs`` as in
    :mod:`~.alignment`, an element to which (m, l, num) come passes on::

        m' = max(m, n)
        l' = rs(l, m' - m) + rs(e << G, m' - n)
        num'[c] = rs(num[c], m' - m) + rs((e v[c]) << G, m' - n)

    and (m, l, num) as they are where ``allowed`` is 0.

    Members
    -------
    stage : In(Stage), shift : In(p.shift_bits)
        What is in the next cycle; and ``f - p.shift_least``, steady from FIRST to SUM. With stage
        FIRST or SCORE come
    q : In(signed(q_bits)), kv : In(signed(kv_bits))
        an element of query and key, and with VALUE one of the value.
    allowed : In(1)
        Whether the pair counts; comes with FIRST.
    maximum : In(signed(exp_bits)), seen : In(1), saturated : In(1)
        m; whether there is any (else l and num are 0); whether an octave n of the row did not fit.
    sum : In(signed(sum_bits))
        l, then num.
    stage_next, shift_next, q_next, kv_next : Out
        The same a cycle later. In stages without such, ``q_next`` and ``kv_next`` are anything.
    maximum_next, seen_next, saturated_next, sum_next : Out
        m', l', num' and so on, a cycle after m, l and num came.

    Notes
    -----
    Cycles, counted from the one after FIRST came (so that cycle c is that of stage c of the tile),
    with P = ``p.pipeline``::

        c                       0 … dk-1   dk    dk+1   dk+2 … dk+dv+1 = T-1
        stage                   FIRST, …   EXP   SUM    VALUE
        multiplier, P = 0       q k        s o          e v
        multiplier, P = 1       q k              s o    e v
        m, n compared in           dk + P
        l taken in, passed on      dk + 1 + P,  dk + 2 + P
        num[c] taken, passed on    dk + 2 + P + c,  dk + 3 + P + c

    The next tile's FIRST may be cycle T.

    Where the area went, compared with one unit for each of the steps: the registers of q and kv are
    those of the operands, and the multiplier always works on them (``q`` holds e while values come,
    ``kv`` the offset o for one cycle); the score and the sum that is passed on are one register
    with one shifter and one adder, since they are never alive at once; f shifts products, not the
    score, so that the shifter and then the adder suffice, the logit has a fixed point, and the
    rounding constant is what the first product is added to; the intercept of the exponential is one
    more row of the multiplier.

    Source: brief `salo`, sections 4.3 and 6; the recurrence is the online softmax of M. Milakov and
    N. Gimelshein, arXiv:1805.02867, in base 2.
    """

    p: DatapathParameters

    def __init__(self, p: DatapathParameters) -> None:
        super().__init__(p, {
            "stage": In(Stage), "shift": In(p.shift_bits),
            "q": In(signed(p.q_bits)), "kv": In(signed(p.kv_bits)), "allowed": In(1),
            "maximum": In(signed(p.exp_bits)), "seen": In(1), "saturated": In(1),
            "sum": In(signed(p.sum_bits)),
            "stage_next": Out(Stage), "shift_next": Out(p.shift_bits),
            "q_next": Out(signed(p.q_bits)), "kv_next": Out(signed(p.kv_bits)),
            "maximum_next": Out(signed(p.exp_bits)), "seen_next": Out(1), "saturated_next": Out(1),
            "sum_next": Out(signed(p.sum_bits)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        lines = p.lines
        # The stage that is at work when the multiplier takes slope and offset.
        exponential = Stage.SUM if p.pipeline else Stage.EXP
        a = Signal(max(p.q_bits, p.mantissa_bits, lines.slope_bits), reset_less=True)
        b = Signal(signed(max(p.kv_bits, lines.offset_bits + 1)), reset_less=True)
        total = Signal(signed(max(p.sum_bits, p.logit_bits)), reset_less=True)
        allowed = Signal(reset_less=True)
        working = Signal()
        m.d.comb += working.eq(self.stage_next == exponential)
        shift = Signal(p.shift_bits, name="held_shift", reset_less=True)
        m.d.sync += [self.stage_next.eq(self.stage), shift.eq(self.shift)]
        with m.If(self.stage == Stage.FIRST):
            m.d.sync += allowed.eq(self.allowed)

        product, mantissa = self._multiply(m, a, b, working, self._fraction(total))
        swap, amount = self._compare(m, total, allowed, working)
        sums = self._add(m, product, a[: p.mantissa_bits], total, swap, amount)
        m.d.sync += total.eq(sums)

        fraction = self._fraction(sums)
        slope = lines.slope(m, fraction[lines.offset_bits :])
        load = Signal()
        m.d.comb += load.eq(self.stage == exponential)
        with m.If(working):
            m.d.sync += a.eq(mantissa)
        with m.Elif(load):
            m.d.sync += a.eq(slope)
        with m.Elif(~((self.stage == Stage.SUM) | (self.stage == Stage.VALUE))):
            m.d.sync += a.eq(self.q)
        m.d.sync += b.eq(Mux(load, fraction[: lines.offset_bits], self.kv))
        m.d.comb += [
            self.shift_next.eq(shift), self.q_next.eq(a), self.kv_next.eq(b),
            self.sum_next.eq(total),
        ]  # fmt: skip
        return m

    def _fraction(self, logit: Value) -> Value:
        top = self.p.logit_fraction_bits
        return logit[top - self.p.fraction_bits : top]

    def _multiply(
        self, m: Module, a: Value, b: Value, working: Value, fraction: Value
    ) -> tuple[Value, Value]:
        """The product, and the mantissa that it is if it is a point of a line."""
        p = self.p
        lines = p.lines
        start = lines.start(m, fraction[lines.offset_bits :])
        signed_a = Signal(signed(len(a) + 1))
        rows = Signal(signed(max(p.product_bits, lines.drop + p.mantissa_bits + 2)), name="product")
        mantissa = Signal(p.mantissa_bits)
        m.d.comb += [
            # A query is negative by its top bit; a mantissa and a slope are not.
            signed_a.eq(Cat(a, a[-1] & is_score(self.stage_next))),
            rows.eq(signed_a * b + (Mux(working, start, 0) << lines.start_shift)),
            mantissa.eq(lines.mantissa(rows)),
        ]
        return rows[: p.product_bits].as_signed(), mantissa

    def _compare(
        self, m: Module, logit: Value, allowed: Value, working: Value
    ) -> tuple[Signal, Signal]:
        """Pass the maximum on; how sums are shifted from the next cycle to the end of the tile."""
        p = self.p
        whole = logit[p.logit_fraction_bits : p.logit_bits]
        bits, sign = p.exp_bits, whole[-1]
        octave = Signal(signed(bits))
        if len(whole) > bits:
            beyond = Signal()
            upper = whole[bits - 1 : -1]
            m.d.comb += beyond.eq(Mux(sign, ~upper.all(), upper.any()))
            limit = Cat((~sign).replicate(bits - 1), sign)
            m.d.comb += octave.eq(Mux(beyond, limit, whole[:bits]))
        else:
            beyond = Const(0, 1)
            m.d.comb += octave.eq(whole.as_signed())
        found = align(m, self.maximum, self.seen, octave, allowed, shift_bits(p.sum_bits))
        # What means nothing until a tile has come needs no reset.
        passed = Signal(p.exp_bits + 2, reset_less=True)
        m.d.sync += passed.eq(
            Cat(found.maximum, self.seen | allowed, self.saturated | beyond & allowed)
        )
        m.d.comb += Cat(self.maximum_next, self.seen_next, self.saturated_next).eq(passed)
        swap = Signal(name="held_swap", reset_less=True)
        amount = Signal(shift_bits(p.sum_bits), name="held_amount", reset_less=True)
        with m.If(working):
            m.d.sync += [swap.eq(found.other_larger), amount.eq(found.amount)]
        return swap, amount

    def _add(
        self, m: Module, product: Value, mantissa: Value, total: Value, swap: Value, amount: Value
    ) -> Signal:
        """The next score or sum. One term is added as it is, the other is shifted first."""
        p = self.p
        stage = self.stage_next
        if p.pipeline:
            stage = Signal(Stage, name="adder_stage")
            held = Signal.like(product, reset_less=True)
            m.d.sync += [stage.eq(self.stage_next), held.eq(product)]
            product = held
        term = Signal(signed(p.product_bits))
        m.d.comb += term.eq(Mux(stage == Stage.SUM, mantissa, product))
        base = Signal(total.shape())
        moved = Signal(total.shape())
        by = Signal(max(p.shift_bits, len(amount)), name="shift_amount")
        half = (1 << p.logit_fraction_bits - p.fraction_bits) >> 1
        with m.If(is_score(stage)):
            m.d.comb += [
                base.eq(Mux(stage == Stage.FIRST, half, total)),
                moved.eq(product << p.logit_fraction_bits - p.shift_least),
                by.eq(self.shift_next),
            ]
        with m.Else():
            m.d.comb += [
                base.eq(Mux(swap, term << p.guard_bits, self.sum)),
                moved.eq(Mux(swap, self.sum, term << p.guard_bits)),
                by.eq(amount),
            ]
        return rounded_sum(m, base, moved, by)

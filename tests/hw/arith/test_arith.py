from __future__ import annotations

from operator import or_

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from gatewright.hw.arith.leading_one import leading_one, leading_zeros
from gatewright.hw.arith.saturating_shift import saturating_shift_right
from gatewright.hw.arith.tree import reduce_tree


def simulate(m, bench):
    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
def test_leading_one_and_zeros(width):
    m = Module()
    word, hot, zeros = Signal(width), Signal(width), Signal(8)
    m.d.comb += [hot.eq(leading_one(m, word)), zeros.eq(leading_zeros(m, word))]

    async def bench(ctx):
        for number in range(1 << width):
            ctx.set(word, number)
            assert ctx.get(hot) == (1 << number.bit_length() >> 1)
            assert ctx.get(zeros) == width - number.bit_length()

    simulate(m, bench)


@pytest.mark.parametrize("word_width, amount_width, width", [(7, 4, 3), (4, 3, 6), (8, 2, 1)])
def test_saturating_shift(word_width, amount_width, width):
    m = Module()
    word, amount = Signal(word_width), Signal(amount_width)
    result, overflow = Signal(width), Signal()
    shifted, too_large = saturating_shift_right(m, word, amount, width)
    m.d.comb += [result.eq(shifted), overflow.eq(too_large)]

    async def bench(ctx):
        for number in range(1 << word_width):
            for steps in range(1 << amount_width):
                ctx.set(word, number)
                ctx.set(amount, steps)
                expected = number >> steps
                assert ctx.get(overflow) == (expected >= 1 << width)
                assert ctx.get(overflow) or ctx.get(result) == expected

    simulate(m, bench)


@pytest.mark.parametrize("count", range(1, 10))
def test_reduce_tree_keeps_order_and_is_balanced(count):
    joined = reduce_tree(lambda a, b: f"({a}{b})", [chr(97 + index) for index in range(count)])
    assert joined.replace("(", "").replace(")", "") == "abcdefghi"[:count]
    depth = deepest = 0
    for character in joined:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    assert deepest == (count - 1).bit_length()


def test_reduce_tree_of_nothing():
    with pytest.raises(ValueError, match=r"^operands must hold at least one operand, not none$"):
        reduce_tree(or_, [])

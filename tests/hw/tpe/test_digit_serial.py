"""Selection of digits, the element with its own, and the Laconic-style element: all 8-bit pairs."""

from __future__ import annotations

import numpy as np
import pytest

from gatewright.golden.tpe import encodings as golden
from gatewright.hw.arith.digit_encoder import Encoding
from gatewright.hw.tpe.correction import RowCorrection
from gatewright.hw.tpe.digit_selector import DigitSelector, DigitSelectorParameters
from gatewright.hw.tpe.digit_serial import DigitSerialParameters
from gatewright.hw.tpe.laconic import LATENCY as LACONIC_LATENCY
from gatewright.hw.tpe.laconic import Laconic, LaconicParameters
from gatewright.hw.tpe.opt3 import LATENCY, Opt3, Opt3Parameters
from gatewright.hw.tpe.opt4e import Opt4e
from gatewright.tests.hw.bit_parallel import BitParallel
from gatewright.tests.hw.tpe.cases import EXACT, ROW


def wires(digits, encoding):
    """The wires of digits, as one number each, lowest wire first."""
    magnitude, negative = np.abs(digits), (digits < 0).astype(int)
    return magnitude | negative << (2 if encoding.digit_bits == 2 else 1)


def packed(words, width):
    """Words of a layout's elements: along the last axis, lowest first."""
    return sum(words[..., k].astype(object) << width * k for k in range(words.shape[-1]))


@pytest.mark.parametrize("group", [1, 3, 8])
@pytest.mark.parametrize("encoding", [Encoding.NAF, Encoding.BITS])
def test_selector(encoding, group):
    """Each digit other than 0 once, in order, with its index; and a step for a group without."""
    lanes = 2048
    rng = np.random.default_rng(group)
    largest = encoding.digit_bits
    digits = rng.integers(-largest, largest + 1, (lanes, group))
    digits[: lanes // 4] *= rng.integers(0, 2, (lanes // 4, group))
    p = DigitSelectorParameters(group=group, encoding=encoding)
    unit = BitParallel(DigitSelector(p), lanes)
    bits = 1 + encoding.digit_bits
    word = packed(wires(digits, encoding), bits)
    # Two rounds: after the last step of a group the next one starts from the beginning.
    for _ in range(2):
        seen = [[] for _ in range(lanes)]
        busy = np.ones(lanes, bool)
        while busy.any():
            enable = busy & (rng.integers(0, 3, lanes) > 0)
            unit.settle(digits=word, enable=enable * 1)
            digit, index = unit.read("digit"), unit.read("index")
            start, last = unit.read("start"), unit.read("last")
            for lane in np.flatnonzero(enable):
                assert start[lane] == (not seen[lane])
                seen[lane].append((int(index[lane]), int(digit[lane])))
            busy &= ~(enable & (last == 1))
            unit.clock()
        codes = wires(digits, encoding)
        for lane in range(lanes):
            nonzero = [(k, int(codes[lane, k])) for k in range(group) if digits[lane, k]]
            assert seen[lane] == (nonzero or [(0, 0)])


@pytest.mark.one_in(4)
@pytest.mark.parametrize("encoding", list(Encoding))
def test_opt3_all_pairs(encoding):
    """Groups of four pairs, weight by weight: the sums, and the steps that each group takes."""
    lanes, group, width = 1 << 14, 4, 20
    rng = np.random.default_rng(7)
    order = rng.permutation(1 << 16).reshape(lanes, group)
    a, b = (order >> 8) - 128, (order & 255) - 128
    unit = BitParallel(
        Opt3(Opt3Parameters(
            serial=DigitSerialParameters(accumulator_width=width, encoding=encoding), group=group
        )),
        lanes,
    )  # fmt: skip
    digits = golden.encode(a, encoding.value, 8, True).astype(np.int64)
    bits = 1 + encoding.digit_bits
    total = 0
    for weight in range(digits.shape[-1]):
        here = digits[..., weight]
        word = packed(wires(here, encoding), bits)
        busy, steps = np.ones(lanes, bool), np.zeros(lanes, int)
        while busy.any():
            enable = busy & (rng.integers(0, 4, lanes) > 0)
            common = {"digits": word, "first": 1, "enable": enable * 1}
            unit.settle(**common)
            wanted = b[np.arange(lanes), unit.read("index")] & 255
            unit.settle(**common, b=wanted)
            steps += enable
            busy &= ~(enable & (unit.read("last") == 1))
            unit.clock()
        assert (steps == np.maximum(1, np.count_nonzero(here, axis=1))).all()
        for _ in range(LATENCY):
            unit.settle(b=rng.integers(0, 256, lanes), first=1)
            value = unit.read("sum") + unit.read("carry")
            unit.clock()
        expected = (here * b).sum(1)
        assert ((value - expected) % (1 << width) == 0).all()
        total = total + (expected << weight * encoding.digit_bits)
    assert (total == (a * b).sum(1)).all()


@pytest.mark.one_in(3)
@pytest.mark.parametrize("encoding", [Encoding.NAF, Encoding.BITS])
@pytest.mark.parametrize("correction, compact", [(EXACT, True), (ROW, True), (EXACT, False)])
def test_weighted_elements(encoding, correction, compact):
    """Sums that are multiplied by the radix now and then, by Horner's rule."""
    lanes, count, width = 2048, 3, 19
    p = DigitSerialParameters(
        accumulator_width=width, encoding=encoding, lanes=count, correction=correction,
        compact=compact, weighted=True,
    )
    unit = BitParallel(Opt4e(p), lanes)
    row = p.row_correction
    corrected = BitParallel(RowCorrection(row), lanes) if row is not None else None
    rng = np.random.default_rng(4)
    largest, bits = encoding.digit_bits, 1 + encoding.digit_bits
    value = np.zeros(lanes, np.int64)
    for step in range(30):
        digits = rng.integers(-largest, largest + 1, (lanes, count))
        b = rng.integers(-128, 128, (lanes, count))
        first = (rng.integers(0, 8, lanes) == 0) | (step == 0)
        shift, enable = rng.integers(0, 2, lanes), (rng.integers(0, 4, lanes) > 0) | (step == 0)
        controls = {"first": first * 1, "shift": shift, "enable": enable * 1}
        unit.settle(digits=packed(wires(digits, encoding), bits), b=packed(b & 255, 8), **controls)
        unit.clock()
        if corrected is not None:
            corrected.settle(negative=packed((digits < 0) * 1, 1), **controls)
            corrected.clock()
        before = np.where(first, 0, value << shift * encoding.digit_bits)
        value = np.where(enable, before + (digits * b).sum(1), value) % (1 << width)
        unit.settle(enable=0)
        total = unit.read("sum") + unit.read("carry")
        if corrected is not None:
            corrected.settle(enable=0)
            total = total + corrected.read("correction")
        assert ((total - value) % (1 << width) == 0).all()


def test_weighted_sums_have_no_split():
    with pytest.raises(ValueError) as caught:
        DigitSerialParameters(accumulator_width=24, split=14, weighted=True)
    assert str(caught.value) == "split must be None where sums are shifted, not 14"


def terms_of(values):
    """Terms of the non-adjacent form: ``(one, negative, exponent)`` in rows of equal length."""
    digits = golden.encode(values, "naf", 8, True).astype(np.int64)
    exponent = 2 * np.arange(digits.shape[-1]) + (np.abs(digits) == 2)
    order = np.argsort(digits == 0, axis=-1, kind="stable")
    found = (digits != 0).astype(int), (digits < 0).astype(int), exponent
    return [np.take_along_axis(np.broadcast_to(x, digits.shape), order, -1) for x in found]


def test_laconic_all_pairs():
    """Sixteen pairs at once, all products of a term of one and a term of the other."""
    lanes, width = 1 << 12, 24
    p = LaconicParameters(accumulator_width=width)
    unit = BitParallel(Laconic(p), lanes)
    rng = np.random.default_rng(9)
    order = rng.permutation(1 << 16).reshape(lanes, p.lanes)
    a, b = (order >> 8) - 128, (order & 255) - 128
    one_a, negative_a, exponent_a = terms_of(a)
    one_b, negative_b, exponent_b = terms_of(b)
    count = one_a.shape[-1]
    steps = [(i, k) for i in range(count) for k in range(count)]
    junk = (3, 5)
    for number, (i, k) in enumerate([*steps[:5], junk, *steps[5:], *[junk] * LACONIC_LATENCY]):
        taken = (i, k) != junk
        i, k = i % count, k % count
        words = {
            "a": packed(one_a[..., i] | negative_a[..., i] << 1 | exponent_a[..., i] << 2, 5),
            "b": packed(one_b[..., k] | negative_b[..., k] << 1 | exponent_b[..., k] << 2, 5),
        }
        unit.settle(**words, first=int(number == 0 or not taken), enable=int(taken))
        unit.clock()
    unit.settle()
    assert (unit.read("accumulator") == (a * b).sum(1) % (1 << width)).all()

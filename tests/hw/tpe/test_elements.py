"""Every element against integer arithmetic: all pairs of 8 bits, random wide ones, stalls."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from gatewright.hw.arith.digit_encoder import Encoding
from gatewright.hw.tpe.behavioural import Behavioural
from gatewright.hw.tpe.correction import Correction
from gatewright.hw.tpe.dsp import DspElement
from gatewright.hw.tpe.mac import Mac
from gatewright.hw.tpe.opt1 import Opt1
from gatewright.hw.tpe.opt4c import Opt4c
from gatewright.hw.tpe.opt4e import Opt4e
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.tests.hw.bit_parallel import BitParallel
from gatewright.tests.hw.tpe.bench import Bench
from gatewright.tests.hw.tpe.cases import every_element, mac, opt1, opt2, serial

EXACT, ROW = Correction
INT8 = OperandParameters(8, True, 8, True)


def integers(raw, width, is_signed):
    """What operands of so many bits stand for."""
    return np.where(is_signed & (raw >> width - 1 == 1), raw - (1 << width), raw)


def check(case, steps, seed=0):
    """Take steps ``(a, b, first, enable)``, arrays each; compare each sum when it is to show."""
    unit = BitParallel(Bench(case), len(steps[0][0]), seed)
    o = case.operands
    total = 0
    wanted = []
    for a, b, first, enable in steps:
        product = sum(
            integers(case.spread(a, lane, o.a_width), o.a_width, o.a_signed)
            * integers(case.spread(b, lane, o.b_width), o.b_width, o.b_signed)
            for lane in range(case.lanes)
        )
        total = np.where(enable, np.where(first, product, total + product), total)
        wanted.append(total % (1 << case.width))
    idle = tuple(np.zeros_like(each) for each in steps[0])
    for cycle, (a, b, first, enable) in enumerate([*steps, *[idle] * case.latency]):
        unit.settle(a=a, b=b, first=first, enable=enable)
        step = cycle - case.latency
        if step >= 0:
            shown = unit.read("value")
            wrong = np.flatnonzero(shown != wanted[step])
            assert not len(wrong), (
                f"step {step}: {len(wrong)} wrong, {shown[wrong[0]]} != {wanted[step][wrong[0]]}"
            )
        unit.clock()


def controls(rng, lanes, count):
    """``first`` and ``enable`` of a first step and some more, with starts and bubbles."""
    ones = np.ones(lanes, np.int64)
    more = [(rng.integers(0, 4, lanes) == 0, rng.integers(0, 3, lanes) > 0) for _ in range(count)]
    return [(ones, ones), *((first * ones, enable * ones) for first, enable in more)]


def check_all_pairs(case, more):
    """In each step the lanes are all pairs, in another order, on top of whatever was before."""
    o = case.operands
    pairs = 1 << o.a_width + o.b_width
    rng = np.random.default_rng(1)
    repeats = -(-64 // pairs)
    steps = []
    for first, enable in controls(rng, pairs * repeats, more):
        order = rng.permutation(np.tile(np.arange(pairs), repeats))
        steps.append((order >> o.b_width, order & ((1 << o.b_width) - 1), first, enable))
    check(case, steps)


@pytest.mark.one_in(24)
@pytest.mark.parametrize("case", every_element(INT8, 32), ids=str)
def test_all_pairs_of_8_bits(case):
    check_all_pairs(case, 3)


def some_elements(operands, width):
    """Each encoding in the element and outside, each correction, and every kind of lanes."""
    return [
        mac(Mac, operands, width),
        *(opt1(operands, width, each, correction=EXACT) for each in Encoding),
        *(opt1(operands, width, each, shared_encoder=True, correction=ROW) for each in Encoding),
        opt2(operands, width, 2, Encoding.ENT, correction=ROW),
        opt2(operands, width, 3, correction=EXACT, group=2),
        serial(Opt4c, operands, width, correction=ROW),
        serial(Opt4e, operands, width, Encoding.NAF, lanes=2),
    ]


@pytest.mark.one_in(24)
@pytest.mark.parametrize(
    "case",
    [
        case
        for signs in [(True, False), (False, True), (False, False)]
        for case in some_elements(OperandParameters(8, signs[0], 8, signs[1]), 20)
    ],
    ids=str,
)
def test_all_pairs_of_other_signs(case):
    check_all_pairs(case, 1)


ALIKE = [
    opt2(INT8, 32, 16, correction=EXACT),
    opt2(INT8, 32, 16, Encoding.NAF, group=4, correction=ROW),
    serial(Opt4e, INT8, 26, lanes=4, correction=EXACT),
    serial(Opt4e, INT8, 26, Encoding.ENT, lanes=4, correction=ROW),
]


@pytest.mark.one_in(8)
@pytest.mark.parametrize("case", [replace(case, alike=True) for case in ALIKE], ids=str)
def test_all_lanes_alike(case):
    """Sums of a step as large as they can be, such as 16 products of -128 and -128."""
    check_all_pairs(case, 0)


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    "operands, width",
    [
        (OperandParameters(2, True, 2, False), 1),
        (OperandParameters(3, False, 4, True), 5),
        (OperandParameters(2, False, 3, False), 40),
    ],
    ids=str,
)
def test_narrow_operands(operands, width):
    """Accumulators narrower than a product, and much wider."""
    for case in some_elements(operands, width):
        check_all_pairs(case, 4)


def random_case(generator):
    """Any element of any widths and signs."""
    kind = generator.choice([mac, opt1, opt1, opt1, opt2, Opt4c, Opt4e])
    serially = kind in (Opt4c, Opt4e)
    operands = OperandParameters(
        generator.randint(2, 7 if serially else 32), generator.random() < 0.6,
        generator.randint(2, 32), generator.random() < 0.6,
    )  # fmt: skip
    width = generator.randint(1, 72)
    options = {
        "encoding": generator.choice(list(Encoding)),
        "correction": generator.choice(list(Correction)),
        "free_running": generator.random() < 0.3,
        "compact": generator.random() < 0.6,
    }
    if kind is mac:
        cls = generator.choice([Behavioural, Mac, DspElement])
        return mac(cls, operands, width, options["free_running"])
    if kind is opt1:
        options["shared_encoder"] = generator.random() < 0.5
        options["split"] = generator.choice([None, width])
        return opt1(operands, width, **options)
    if kind is opt2:
        return opt2(operands, width, generator.randint(2, 3), **options)
    lanes = {} if kind is Opt4c else {"lanes": generator.randint(1, 3)}
    return serial(kind, operands, width, **options, **lanes)


@pytest.mark.one_in(24)
@pytest.mark.parametrize("seed", range(20))
def test_wide_operands(seed):
    case = random_case(random.Random(seed))
    rng = np.random.default_rng(seed)
    o, lanes = case.operands, 192

    def operand(width):
        corners = [0, 1, (1 << width) - 1, 1 << width - 1, (1 << width - 1) - 1]
        values = rng.integers(0, 1 << width, lanes)
        return np.where(rng.integers(0, 3, lanes) == 0, rng.choice(corners, lanes), values)

    steps = [
        (operand(o.a_width).astype(object), operand(o.b_width).astype(object), first, enable)
        for first, enable in controls(rng, lanes, 7)
    ]
    check(case, steps, seed)


LONG = [
    mac(Mac, INT8, 26),
    opt1(INT8, 26),
    opt1(INT8, 26, correction=ROW, compact=False),
    opt1(INT8, 26, Encoding.NAF, shared_encoder=True, correction=ROW, free_running=True),
    opt1(INT8, 26, split=26, correction=ROW),
    opt2(INT8, 26, 2, correction=ROW),
    serial(Opt4c, INT8, 26, correction=ROW),
    serial(Opt4e, INT8, 26, lanes=2),
]


@pytest.mark.one_in(6)
@pytest.mark.parametrize("case", LONG, ids=str)
def test_long_carries(case):
    """Sums that run through all columns: extremes over and over, and signs that alternate."""
    corners = [-128, -1, 1, 127]
    pairs = [(a, b) for a in corners for b in corners]
    runs = [(pair, other) for pair in pairs for other in [pair, (pair[0], -pair[1] - 1), (0, 0)]]
    runs = (runs * 2)[:64]
    ones = np.ones(64, np.int64)
    steps = []
    for step in range(120):
        chosen = [run[step % 2 if step > 40 else 0] for run in runs]
        a, b = (np.array(column) & 255 for column in zip(*chosen, strict=True))
        steps.append((a, b, ones * (step == 0), ones))
    check(case, steps)


@pytest.mark.one_in(6)
@pytest.mark.parametrize("case", [case for case in LONG if not case.p.free_running], ids=str)
def test_a_stall_at_every_cycle(case):
    """Lane k stalls in cycle k + 1, with operands and a start on the wires that mean nothing."""
    rng = np.random.default_rng(5)
    count, lanes = 65, np.arange(64)
    operands = rng.integers(0, 256, (count, 2))
    starts = rng.integers(0, 5, count) == 0
    starts[0] = True
    steps = []
    for cycle in range(count):
        stalled = lanes + 1 == cycle
        step = cycle - (lanes + 1 < cycle)
        a, b = (np.where(stalled, rng.integers(0, 256, 64), operands[step, k]) for k in (0, 1))
        steps.append((a, b, np.where(stalled, 1, starts[step]), ~stalled * 1))
    check(case, steps)


HOLDING = [case for case in LONG if case.cls in (Opt1, Opt4e) and not case.p.free_running]


@pytest.mark.one_in(4)
@pytest.mark.parametrize("case", HOLDING, ids=str)
def test_nothing_changes_in_a_bubble(case):
    """Sum and carry themselves, not only what they add up to."""
    unit = BitParallel(case.cls(case.p), 256)
    rng = np.random.default_rng(3)
    inputs = [name for name in unit.inputs if name not in ("first", "enable")]
    before, was_enabled = None, True
    for cycle in range(30):
        enable = cycle % 3 == 0
        values = {name: rng.integers(0, 256, 256) for name in inputs}
        unit.settle(**values, first=rng.integers(0, 2, 256), enable=int(enable))
        shown = [unit.read("sum"), unit.read("carry")]
        if before is not None and not was_enabled:
            assert all(map(np.array_equal, shown, before))
        assert not (shown[1] & ~case.p.accumulator.carry_mask).any()
        before, was_enabled = shown, enable
        unit.clock()

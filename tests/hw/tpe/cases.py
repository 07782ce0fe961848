"""The elements that tests go through."""

from __future__ import annotations

from gatewright.hw.arith.digit_encoder import Encoding
from gatewright.hw.tpe.behavioural import Behavioural, MacParameters
from gatewright.hw.tpe.correction import Correction
from gatewright.hw.tpe.digit_serial import DigitSerialParameters
from gatewright.hw.tpe.dsp import DspElement
from gatewright.hw.tpe.mac import Mac
from gatewright.hw.tpe.opt1 import Opt1, Opt1Parameters
from gatewright.hw.tpe.opt2 import Opt2, Opt2Parameters
from gatewright.hw.tpe.opt4c import Opt4c
from gatewright.hw.tpe.opt4e import Opt4e
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.tests.hw.tpe.bench import Case

BOOTH, ENT, NAF, BITS, SIGN_MAGNITUDE = Encoding
EXACT, ROW = Correction


def mac(cls, operands: OperandParameters, width: int, free_running: bool = False) -> Case:
    p = MacParameters(operands=operands, accumulator_width=width, free_running=free_running)
    return Case(cls, p, operands)


def opt1(operands: OperandParameters, width: int, encoding: Encoding = BOOTH, **options) -> Case:
    p = Opt1Parameters(
        operands=operands, accumulator_width=width, encoding=encoding, **options
    )
    return Case(Opt1, p, operands)


def opt2(
    operands: OperandParameters, width: int, depth: int, encoding: Encoding = BOOTH, **options
) -> Case:
    p = Opt2Parameters(
        operands=operands, accumulator_width=width, depth=depth, encoding=encoding, **options
    )
    return Case(Opt2, p, operands)


def serial(
    cls, operands: OperandParameters, width: int, encoding: Encoding = BOOTH, **options
) -> Case:
    p = DigitSerialParameters(
        accumulator_width=width, b_width=operands.b_width, b_signed=operands.b_signed,
        encoding=encoding, **options,
    )  # fmt: skip
    return Case(cls, p, operands)


def every_element(operands: OperandParameters, width: int) -> list[Case]:
    """Every kind of element, with every encoding that it takes, in every form."""
    cases = [mac(cls, operands, width) for cls in (Behavioural, Mac, DspElement)]
    for encoding in Encoding:
        for shared in (False, True):
            cases += [
                opt1(operands, width, encoding, shared_encoder=shared, correction=correction)
                for correction in Correction
            ]
        cases += [
            opt2(operands, width, 3, encoding, correction=EXACT),
            serial(Opt4c, operands, width, encoding, correction=ROW),
            serial(Opt4e, operands, width, encoding, lanes=3, correction=EXACT),
        ]
    return [
        *cases,
        opt1(operands, width, compact=False),
        opt1(operands, width, correction=ROW, split=width),
        opt1(operands, width, free_running=True),
        opt1(operands, width, NAF, correction=ROW, compact=False, free_running=True),
        opt2(operands, width, 5, NAF, group=2, correction=ROW),
        opt2(operands, width, 2, correction=ROW, free_running=True),
        serial(Opt4c, operands, width, correction=EXACT),
        serial(Opt4c, operands, width, BITS, free_running=True, correction=ROW),
        serial(Opt4e, operands, width, NAF, lanes=2, correction=ROW),
        mac(Behavioural, operands, width, True),
        mac(Mac, operands, width, True),
        mac(DspElement, operands, width, True),
    ]

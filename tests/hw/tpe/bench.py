"""An element with all that it takes to be compared with integer arithmetic.

Its sum is resolved and corrected. An element of several pairs of operands gets them all made from
one; a digit-serial one is there once for each weight, so that a step has whole products.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from gatewright.hw.arith.digit_encoder import DigitEncoder, DigitEncoderParameters, Encoding
from gatewright.hw.tpe.behavioural import Behavioural
from gatewright.hw.tpe.correction import RowCorrection
from gatewright.hw.tpe.dsp import LATENCY as DSP_LATENCY
from gatewright.hw.tpe.dsp import DspElement
from gatewright.hw.tpe.mac import Mac
from gatewright.hw.tpe.opt1 import Opt1
from gatewright.hw.tpe.opt2 import Opt2
from gatewright.hw.tpe.opt4c import Opt4c
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.hw.tpe.partial_product import booth_negatives
from gatewright.hw.unit import Unit


@dataclass(frozen=True)
class Case:
    """An element: its class and parameters; for digit-serial ones also what ``a`` is.

    ``alike``: all lanes have the same operands, instead of each others of its own.
    """

    cls: type[Unit]
    p: object
    operands: OperandParameters
    alike: bool = False

    @property
    def lanes(self) -> int:
        """Pairs of operands of a step."""
        return getattr(self.p, "depth", getattr(self.p, "lanes", 1))

    @property
    def latency(self) -> int:
        if self.cls is DspElement:
            return DSP_LATENCY
        return getattr(self.p, "latency", 1)

    @property
    def width(self) -> int:
        return self.p.accumulator_width

    def spread(self, value, lane: int, width: int):
        """A lane's operand, made from the one given so that each lane gets all of them."""
        return value if self.alike else value ^ ((0x9E3779B9 * lane) & ((1 << width) - 1))

    def __str__(self) -> str:
        o = self.operands
        kinds = [
            self.cls.__name__, f"{'us'[o.a_signed]}{o.a_width}x{'us'[o.b_signed]}{o.b_width}",
            f"A{self.width}",
        ]
        for name in ("encoding", "correction"):
            kinds += [getattr(getattr(self.p, name, None), "value", "")]
        for name in ("shared_encoder", "free_running", "lanes", "depth", "group", "split"):
            value = getattr(self.p, name, None)
            kinds += [f"{name}={value}" if value else ""]
        kinds += ["" if getattr(self.p, "compact", True) else "wide", "alike" if self.alike else ""]
        return "-".join(filter(None, kinds))


class Bench(Unit):
    """``value``: what the element has summed up, modulo ``2^A``, in the element's latency."""

    def __init__(self, p: Case) -> None:
        super().__init__(p, {
            "a": In(p.operands.a_width), "b": In(p.operands.b_width), "first": In(1),
            "enable": In(1), "value": Out(p.width),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        case = self.p
        free = case.p.free_running
        operands = []
        for lane in range(case.lanes):
            a = Signal(case.operands.a_shape, name=f"a_{lane}")
            b = Signal(case.operands.b_shape, name=f"b_{lane}")
            raw = case.spread(self.a, lane, len(a))
            # A bubble of an element without enable is a step with a = 0.
            m.d.comb += [a.eq(Mux(self.enable, raw, 0) if free else raw)]
            m.d.comb += b.eq(case.spread(self.b, lane, len(b)))
            operands.append((a, b))
        first = self.first & self.enable if free else self.first
        element = Element(m, case, first, self.enable)
        m.d.comb += self.value.eq(element.value(operands))
        return m


class Element:
    """Builds one case into a bench."""

    def __init__(self, m: Module, case: Case, first, enable) -> None:
        self.m, self.case, self.first, self.enable = m, case, first, enable

    def value(self, operands):
        case = self.case
        if case.cls in (Behavioural, Mac, DspElement):
            unit = self.add(case.cls(case.p), "element")
            self.m.d.comb += [unit.a.eq(operands[0][0]), unit.b.eq(operands[0][1])]
            return unit.accumulator
        if case.cls is Opt1:
            return self.opt1(*operands[0])
        if case.cls is Opt2:
            return self.opt2(operands)
        return self.digit_serial(operands)

    def add(self, unit: Unit, name: str, first=None, enable=None) -> Unit:
        self.m.submodules[name] = unit
        self.m.d.comb += unit.first.eq(self.first if first is None else first)
        if hasattr(unit, "enable"):
            self.m.d.comb += unit.enable.eq(self.enable if enable is None else enable)
        return unit

    def digits(self, a, name: str):
        o = self.case.operands
        p = DigitEncoderParameters(self.case.p.encoding, o.a_width, o.a_signed)
        self.m.submodules[f"encoder_{name}"] = encoder = DigitEncoder(p)
        self.m.d.comb += encoder.operand.eq(a)
        return [encoder.digits[k] for k in range(p.digits)]

    def resolved(self, unit, negative, name="", late=0):
        """The pair, and the correction if there is to be one."""
        value = unit.sum + unit.carry
        p = self.case.p.row_correction
        if p is not None:
            first, enable = self.first, self.enable
            for stage in range(late):
                after = Signal(len(negative) + 2, name=f"late_{stage}{name}")
                self.m.d.sync += after.eq(Cat(negative, first, enable))
                negative, first, enable = after[:-2], after[-2], after[-1]
            correction = self.add(RowCorrection(p), f"correction{name}", first, enable)
            self.m.d.comb += correction.negative.eq(negative)
            value = value + correction.correction
        return value[: self.case.width]

    def opt1(self, a, b):
        case = self.case
        unit = self.add(Opt1(case.p), "element")
        self.m.d.comb += unit.b.eq(b)
        digits = self.digits(a, "row")
        if case.p.shared_encoder:
            for k, digit in enumerate(digits):
                self.m.d.comb += unit.digits[k].eq(digit)
        else:
            self.m.d.comb += unit.a.eq(a)
        negative = Cat(digit.negative for digit in digits)
        if case.p.encoding is Encoding.BOOTH and not case.p.shared_encoder:
            negative = booth_negatives(a, case.operands)
        return self.resolved(unit, negative)

    def opt2(self, operands):
        unit = self.add(Opt2(self.case.p), "element")
        negative = []
        for k, (a, b) in enumerate(operands):
            self.m.d.comb += unit.b[k].eq(b)
            for weight, digit in enumerate(self.digits(a, f"lane_{k}")):
                self.m.d.comb += unit.digits[k][weight].eq(digit)
                negative.append(digit.negative)
        return self.resolved(unit, Cat(negative), late=self.case.latency - 1)

    def digit_serial(self, operands):
        """An element for each weight, so that whole products come in one step."""
        p = self.case.p
        lanes = [self.digits(a, f"lane_{k}") for k, (a, _) in enumerate(operands)]
        total = 0
        for weight, digits in enumerate(zip(*lanes, strict=True)):
            unit = self.add(self.case.cls(p), f"element_{weight}")
            if self.case.cls is Opt4c:
                self.m.d.comb += [unit.digit.eq(digits[0]), unit.b.eq(operands[0][1])]
            else:
                for k, (digit, (_, b)) in enumerate(zip(digits, operands, strict=True)):
                    self.m.d.comb += [unit.digits[k].eq(digit), unit.b[k].eq(b)]
            negative = Cat(digit.negative for digit in digits)
            value = self.resolved(unit, negative, f"_{weight}")
            total = total + (value << weight * p.encoding.digit_bits)
        return total[: self.case.width]

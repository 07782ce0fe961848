"""What the parameters of all arrays have in common: operands, sums, level, and the output."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from functools import cached_property
from typing import ClassVar

from amaranth.hdl import Shape
from amaranth.lib import data

from ..arith.digit_encoder import DigitEncoderParameters, Encoding
from ..unit import Unit
from .behavioural import Behavioural, MacParameters
from .correction import Correction, CorrectionParameters
from .mac import Mac
from .opt1 import Opt1, Opt1Parameters
from .opt2 import Opt2, Opt2Parameters
from .parameters import OperandParameters, check_accumulator_width
from .resolve import ResolveParameters

__all__ = ["ArrayParameters", "Level", "check_counts"]


class Level(Enum):
    """How far the digit loop has been moved out of the multiply-accumulate (HPCA 2025).

    ``BEHAVIOURAL`` and ``MAC`` add up in every step, as an operator (a DSP block on FPGAs) and as
    a Booth multiplier with an adder. ``OPT1`` keeps carry-save pairs; ``OPT1_ROW`` has one
    correction for the elements of a row; ``OPT1_SHARED`` also encodes ``a`` once, at the edge.
    ``OPT2`` adds up several products of a weight before it shifts. ``OPT3``, ``OPT4C`` and
    ``OPT4E`` take one digit that is not 0 per lane and cycle.
    """

    BEHAVIOURAL = "behavioural"
    MAC = "mac"
    OPT1 = "opt1"
    OPT1_ROW = "opt1_row"
    OPT1_SHARED = "opt1_shared"
    OPT2 = "opt2"
    OPT3 = "opt3"
    OPT4C = "opt4c"
    OPT4E = "opt4e"


@dataclass(frozen=True, kw_only=True)
class ArrayParameters:
    """Parameters that every array has; each array adds those of its shape.

    Parameters
    ----------
    operands
        ``a``, which is taken apart into digits, and ``b``.
    cols
        N, columns of the result at a time, at least 1.
    accumulator_width
        A, bits of the sums; arithmetic is modulo ``2^A``. For sums that cannot overflow take
        ``operands.accumulator_width(depth)``.
    level
        One of ``LEVELS`` of the array.
    encoding
        Digits of ``a``; MAC levels have Booth's or none.
    result_width
        Bits of each result; None for A.
    saturate
        Bring sums that the result cannot hold to the nearest number that it can, instead of
        cutting them; only with a narrower result.
    resolve_stages
        Cycles of the last addition, that makes a number of a carry-save pair, 1 to A.
    c_input
        A stream of numbers of A bits that are added to the results.
    back_pressure
        Whether the receiver may let results wait: the whole array then stands still. Without, it
        has to take each result at once (``ready`` is left out), and no register has an enable.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    LEVELS: ClassVar[tuple[Level, ...]] = (
        Level.BEHAVIOURAL, Level.MAC, Level.OPT1, Level.OPT1_ROW, Level.OPT1_SHARED,
    )  # fmt: skip

    operands: OperandParameters = field(default_factory=OperandParameters)
    cols: int = 4
    accumulator_width: int = 32
    level: Level = Level.OPT1_SHARED
    encoding: Encoding = Encoding.BOOTH
    result_width: int | None = None
    saturate: bool = False
    resolve_stages: int = 1
    c_input: bool = False
    back_pressure: bool = True

    def __post_init__(self) -> None:
        if self.level not in self.LEVELS:
            allowed = ", ".join(level.value for level in self.LEVELS)
            shown = getattr(self.level, "value", self.level)
            raise ValueError(f"level must be one of {allowed}, not {shown}")
        check_counts(self, "cols")
        check_accumulator_width(self.accumulator_width)
        narrow = self.result_width is not None and self.result_width < self.accumulator_width
        if self.saturate and not narrow:
            raise ValueError(
                f"saturate must be False unless result_width is below {self.accumulator_width}, "
                f"not {self.saturate!r}"
            )
        if self.c_input and not self.back_pressure:
            raise ValueError(
                f"c_input must be False without back_pressure, not {self.c_input!r}"
            )
        for name, value in (
            ("resolve_stages", self.resolve_stages), ("result_width", self.result_width),
        ):  # fmt: skip
            if value is not None and not 1 <= value <= self.accumulator_width:
                raise ValueError(f"{name} must be in 1..{self.accumulator_width}, not {value!r}")

    @property
    def lanes(self) -> int:
        """Pairs of operands that an element takes in a step; arrays with more say so."""
        return 1

    @property
    def carry_save(self) -> bool:
        """Whether elements keep their sums as pairs."""
        return self.level not in (Level.BEHAVIOURAL, Level.MAC)

    @property
    def correction(self) -> Correction:
        """Whether rows have a correction; those of OPT2 do."""
        exact = not self.carry_save or self.level is Level.OPT1
        return Correction.EXACT if exact else Correction.ROW

    @property
    def shared_encoder(self) -> bool:
        """Whether elements get digits in place of ``a``."""
        return self.carry_save and self.level not in (Level.OPT1, Level.OPT1_ROW)

    @cached_property
    def element(self) -> MacParameters | Opt1Parameters | Opt2Parameters:
        """Parameters of a bit-parallel element of this level.

        Without back-pressure every cycle is a step of it: a bubble is a step with ``a = 0``.
        """
        common = {
            "operands": self.operands, "accumulator_width": self.accumulator_width,
            "free_running": not self.back_pressure,
        }  # fmt: skip
        if not self.carry_save:
            return MacParameters(**common)
        common |= {"encoding": self.encoding, "correction": self.correction}
        if self.level is Level.OPT2:
            return Opt2Parameters(**common, depth=self.lanes, stallable=self.back_pressure)
        return Opt1Parameters(**common, shared_encoder=self.shared_encoder)

    def create_element(self) -> Unit:
        """An element with the parameters :attr:`element`."""
        units = {Level.BEHAVIOURAL: Behavioural, Level.MAC: Mac, Level.OPT2: Opt2}
        return units.get(self.level, Opt1)(self.element)

    @property
    def row_correction(self) -> CorrectionParameters | None:
        """Parameters of the correction of a row, if there is one."""
        if self.correction is Correction.EXACT:
            return None
        return self.element.row_correction

    @property
    def carry_mask(self) -> int:
        """Bits of the carry word that are ever 1; 0 if there is none."""
        return self.element.accumulator.carry_mask if self.carry_save else 0

    @property
    def encoder(self) -> DigitEncoderParameters:
        """Parameters of the encoder of an operand ``a``."""
        return DigitEncoderParameters(
            self.encoding, self.operands.a_width, self.operands.a_signed
        )

    @property
    def resolve(self) -> ResolveParameters:
        """Parameters of the last unit on the way out, which cuts or saturates results."""
        return ResolveParameters(
            width=self.accumulator_width, stages=self.resolve_stages,
            result_width=self.result_width, saturate=self.saturate,
        )  # fmt: skip

    @property
    def c_layout(self) -> data.ArrayLayout:
        """A row of C."""
        return data.ArrayLayout(Shape(self.accumulator_width, True), self.cols)

    @property
    def result_layout(self) -> data.ArrayLayout:
        """A row of results."""
        return data.ArrayLayout(Shape(self.resolve.result_bits, True), self.cols)


def check_counts(p: object, *names: str) -> None:
    """Refuse fields below 1 with :class:`ValueError`."""
    known = {each.name for each in fields(p)}
    for name in names:
        assert name in known, f"{name} is no field of {type(p).__name__}"
        if getattr(p, name) < 1:
            raise ValueError(f"{name} must be at least 1, not {getattr(p, name)!r}")

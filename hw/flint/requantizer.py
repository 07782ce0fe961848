"""Requantizer: from a column's accumulators to codes of the next tensor."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add

from amaranth.hdl import Cat, Const, Module, Signal, signed
from amaranth.lib.wiring import In, Out

from ..arith.saturating_shift import saturating_shift_right
from ..arith.tree import reduce_tree
from ..fabric.pipeline import Pipeline
from ..unit import Unit
from .encoder import MagnitudeEncoder, half_unit_width
from .select import select_ports
from .types import OperandFormats

__all__ = ["MAX_STAGES", "SHIFT_WIDTH", "Requantizer", "RequantizerParameters"]

SHIFT_WIDTH = 6

# Points of the data path that may hold a pipeline register, the most useful first.
_CUTS = ("code", "product", "aligned", "operands", "partial_products")
MAX_STAGES = len(_CUTS)

# The multiplier is cut into this many digits where partial products have their own stage.
_MULTIPLIER_DIGITS = 4


@dataclass(frozen=True)
class RequantizerParameters:
    """Parameters of :class:`Requantizer`.

    Parameters
    ----------
    formats
        The result formats to choose from.
    accumulator_width
        Bits of the signed accumulator, at least 2.
    multiplier_width
        Bits of the unsigned multiplier, at least 1.
    stages
        Pipeline registers, 1 to :data:`MAX_STAGES`, placed in this order: after the encoder, the
        multiplication, the shift, at the inputs, and after the partial products.
    """

    formats: OperandFormats
    accumulator_width: int
    multiplier_width: int
    stages: int = 3

    def __post_init__(self) -> None:
        _check("accumulator_width", self.accumulator_width, 2, None)
        _check("multiplier_width", self.multiplier_width, 1, None)
        _check("stages", self.stages, 1, MAX_STAGES)


def _check(field: str, value: int, low: int, high: int | None) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"RequantizerParameters.{field} must be an integer, not {value!r}")
    if value < low or (high is not None and value > high):
        allowed = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"RequantizerParameters.{field} must be {allowed}, not {value!r}")


class Requantizer(Unit):
    """Scale an accumulator by ``multiplier * 2^-shift``, apply ReLU, encode.

    Exactly: ``y = accumulator * multiplier * 2^-shift`` as a rational number; ``max(y, 0)`` with
    ``relu``; then the nearest value of the result format, ties towards plus infinity, saturating
    at both ends (unsigned formats: negative gives 0). Any ``shift`` is exact, including one beyond
    the product's width.

    Parameters
    ----------
    p
        Formats, widths and pipeline depth.

    Members
    -------
    valid_in : In(1)
        The other inputs are a number to scale. There is no way to stall: one number per cycle.
    accumulator : In(signed(p.accumulator_width))
        Accumulator in units of the product of the operand scales.
    multiplier : In(p.multiplier_width)
        Unsigned factor.
    shift : In(6)
        Right shift, 0 to 63.
    relu : In(1)
        Replace negative numbers by 0.
    kind, is_signed : In
        Select, where needed; it travels with the number. A format that was not built gives 0.
    valid_out : Out(1)
        ``code`` is a result.
    code : Out(p.formats.bits)
        Code; never minus zero.

    Notes
    -----
    Cycles: latency :attr:`latency`, one number per cycle::

        valid_in   _/‾‾‾\\____________
        valid_out  ________/‾‾‾\\_____   latency 2

    ``floor(2 y)`` is ``2 * product`` shifted right. Only its few low bits decide a code; the rest
    saturates. The shift works on the one's complement of negative products, ``floor(2 y)`` as
    :class:`MagnitudeEncoder` wants it, so no sign has to be extended.
    """

    def __init__(self, p: RequantizerParameters) -> None:
        super().__init__(
            p,
            {
                "valid_in": In(1),
                "accumulator": In(signed(p.accumulator_width)),
                "multiplier": In(p.multiplier_width),
                "shift": In(SHIFT_WIDTH),
                "relu": In(1),
                **select_ports(p.formats),
                "valid_out": Out(1),
                "code": Out(p.formats.bits),
            },
        )

    @property
    def latency(self) -> int:
        """Cycles from ``valid_in`` to ``valid_out``."""
        return self.p.stages

    def body(self) -> Module:
        m = Module()
        p = self.p
        cut = Pipeline(m, _CUTS[: p.stages])
        select = select_ports(p.formats)

        at = cut(
            "operands",
            valid=self.valid_in,
            accumulator=self.accumulator,
            multiplier=self.multiplier,
            shift=self.shift,
            relu=self.relu,
            **{name: getattr(self, name) for name in select},
        )
        digit_width = p.multiplier_width
        if "partial_products" in cut.cuts:
            digit_width = -(-p.multiplier_width // _MULTIPLIER_DIGITS)
        partial_products = {
            f"product_{start}": at.accumulator * at.multiplier[start : start + digit_width]
            for start in range(0, p.multiplier_width, digit_width)
        }

        at = cut(
            "partial_products",
            valid=at.valid,
            **partial_products,
            shift=at.shift,
            relu=at.relu,
            **{name: getattr(at, name) for name in select},
        )
        product = Signal(signed(p.accumulator_width + p.multiplier_width))
        m.d.comb += product.eq(
            reduce_tree(
                add,
                [
                    getattr(at, f"product_{start}") << start
                    for start in range(0, p.multiplier_width, digit_width)
                ],
            )
        )

        at = cut(
            "product",
            valid=at.valid,
            product=product,
            shift=at.shift,
            relu=at.relu,
            **{name: getattr(at, name) for name in select},
        )
        negative = at.product[-1]
        zeroed = negative & at.relu
        doubled = Cat(Const(0, 1), at.product[:-1])
        magnitude = Signal(len(doubled))
        with m.If(~zeroed):
            m.d.comb += magnitude.eq(doubled ^ negative.replicate(len(doubled)))
        half_units, overflow = saturating_shift_right(
            m, magnitude, at.shift, half_unit_width(p.formats)
        )

        at = cut(
            "aligned",
            valid=at.valid,
            negative=negative & ~zeroed,
            half_units=half_units,
            overflow=overflow,
            **{name: getattr(at, name) for name in select},
        )
        m.submodules.encoder = encoder = MagnitudeEncoder(p.formats)
        m.d.comb += [
            encoder.negative.eq(at.negative),
            encoder.half_units.eq(at.half_units | at.overflow.replicate(len(encoder.half_units))),
        ]
        m.d.comb += [getattr(encoder, name).eq(getattr(at, name)) for name in select]

        at = cut("code", valid=at.valid, code=encoder.code)
        m.d.comb += [self.valid_out.eq(at.valid), self.code.eq(at.code)]
        return m

"""Config of the tpe generator: an array, the level of its elements, and the numbers it takes."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ...golden.tpe.encodings import Encoding, operand_range
from ...golden.tpe.gemm import accumulator_bits, product_range
from ..config import Config
from .engine import Array

__all__ = ["LEVELS", "OPTIONS", "Level", "TpeConfig"]

MAX_ACCUMULATOR_BITS = 64

_EXACT_DEPTH = 1 << 16
"""Products that default accumulators hold any sum of: 32 bits for two bytes."""


class Level(StrEnum):
    """How far the loop over digits has been moved out of the multiply-accumulate."""

    AUTO = "auto"
    BEHAVIOURAL = "behavioural"
    MAC = "mac"
    OPT1 = "opt1"
    OPT1_ROW = "opt1_row"
    OPT1_SHARED = "opt1_shared"
    OPT2 = "opt2"
    OPT4C = "opt4c"
    OPT4E = "opt4e"


_ONE_PRODUCT = (Level.OPT1_SHARED, Level.BEHAVIOURAL, Level.MAC, Level.OPT1, Level.OPT1_ROW)

LEVELS: dict[Array, tuple[Level, ...]] = {
    Array.SYSTOLIC_OS: _ONE_PRODUCT,
    Array.SYSTOLIC_WS: _ONE_PRODUCT,
    Array.CUBE: (Level.OPT2, *_ONE_PRODUCT),
    Array.TREE: (Level.OPT2, *_ONE_PRODUCT),
    Array.MATRIX_2D: (*_ONE_PRODUCT, Level.OPT2),
    Array.DIGIT_SERIAL: (Level.OPT4E, Level.OPT4C),
    Array.LACONIC: (),
}
"""The levels that each array has. Laconic-style elements are a level of their own."""

OPTIONS: dict[Array, dict[str, Any]] = {
    Array.SYSTOLIC_OS: {"rows": 8, "cols": 8},
    Array.SYSTOLIC_WS: {"cols": 8, "depth": 8},
    Array.CUBE: {"rows": 4, "cols": 4, "depth": 4, "group": 4, "accumulate": True},
    Array.TREE: {"cols": 8, "depth": 16, "group": 4, "accumulate": False},
    Array.MATRIX_2D: {"rows": 8, "cols": 8, "lanes": 1},
    Array.DIGIT_SERIAL: {
        "rows": 8, "cols": 8, "depth": 32, "lanes": 4, "group": 8, "minimum": 1,
        "source": "operands",
    },
    Array.LACONIC: {"rows": 4, "cols": 4, "lanes": 16},
}  # fmt: skip
"""The options that not every array has, with their defaults."""

_OPTION_NAMES = tuple(dict.fromkeys(name for options in OPTIONS.values() for name in options))


class TpeConfig(Config):
    """An engine that multiplies matrices of integers."""

    array: Array = Field(
        Array.SYSTOLIC_OS, description="how operands and sums move: output- or weight-stationary "
        "systolic, product of small matrices, multiplier-adder trees, broadcast, digits that are "
        "not 0, pairs of terms",
    )
    level: Level = Field(
        Level.AUTO, description="elements: adder and multiplier (behavioural, mac), carry-save "
        "(opt1 ...), reduced before shifted (opt2), a digit per lane and cycle (opt4c, opt4e); "
        "auto is the smallest per product",
    )
    rows: int | None = Field(
        None, ge=1, le=256, description="rows of results at a time; by default 8, cube, laconic: 4"
    )
    cols: int | None = Field(
        None, ge=1, le=256, description="columns of results at a time; by default 8, cube, "
        "laconic: 4",
    )
    depth: int | None = Field(
        None, ge=1, le=4096, description="systolic_ws, cube, tree: products side by side in a "
        "sum, by default 8, 4, 16; digit_serial: most products of a tile, by default 32",
    )
    lanes: int | None = Field(
        None, ge=1, le=64, description="products (digit_serial: digits) of an element per cycle; "
        "by default matrix_2d 1, with opt2 4; digit_serial 4, with opt4c 1; laconic 16",
    )
    group: int | None = Field(
        None, ge=1, le=256, description="digit_serial: operands of a lane among which a digit is "
        "looked for, by default 8; cube, tree: products added up in a cycle, by default 4",
    )
    minimum: int | None = Field(
        None, ge=0, le=1, description="digit_serial: cycles of a group without a digit; by "
        "default 1",
    )
    accumulate: bool | None = Field(
        None, description="cube, tree: whether steps can be added up, for products longer than "
        "depth; by default cube does",
    )
    source: Literal["operands", "digits", "stream"] | None = Field(
        None, description="digit_serial: what comes in for A: operands, all their digits, or, for "
        "a constant A, a stream of those that are not 0; by default operands",
    )
    encoding: Encoding | None = Field(
        None, description="how A (laconic: also B) is written in digits; by default booth, "
        "digit_serial, laconic: naf",
    )
    a_width: int = Field(8, ge=2, le=32, description="bits of the operands A")
    a_signed: bool = Field(True, description="whether they are two's complement")
    b_width: int = Field(8, ge=2, le=32, description="bits of the operands B")
    b_signed: bool = Field(True, description="whether they are two's complement")
    accumulator_width: int | None = Field(
        None, ge=2, le=MAX_ACCUMULATOR_BITS, description="bits of the sums; by default the fewest "
        "that hold every sum of exact_depth products",
    )
    exact_depth: int | None = Field(
        None, ge=1, le=1 << 32, description="products of which every sum must fit; by default "
        "65536 (32 bits for bytes)",
    )
    result_width: int | None = Field(
        None, ge=2, le=MAX_ACCUMULATOR_BITS, description="bits of the results; by default those "
        "of the sums",
    )
    saturate: bool = Field(
        False, description="bring sums that a result cannot hold to the nearest number that it can"
    )
    wrap: bool = Field(
        False, description="accept that sums or results lose their upper bits: modulo 2^width"
    )
    resolve_stages: int = Field(
        1, ge=1, le=MAX_ACCUMULATOR_BITS, description="cycles of the last addition, which makes a "
        "number of a carry-save pair",
    )
    c_input: bool = Field(False, description="a stream of numbers that are added to the results")
    back_pressure: bool = Field(
        True, description="whether results can wait for their receiver: everything then stands "
        "still; without, there is no ready, and the array is smaller",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_options()
        self._check_level()
        self._check_sums()
        if self.c_input and not self.back_pressure:
            raise ValueError("c_input must be false without back_pressure, not true")
        from .design import parameters

        parameters(self)
        return self

    def _check_options(self) -> None:
        for name in _OPTION_NAMES:
            value = getattr(self, name)
            if value is None or name in OPTIONS[self.array]:
                continue
            owners = ", ".join(array for array, options in OPTIONS.items() if name in options)
            raise ValueError(
                f"{name} must be left out for {self.array} (it is for {owners}), not {value!r}"
            )

    def _check_level(self) -> None:
        levels = LEVELS[self.array]
        if self.level not in (Level.AUTO, *levels):
            allowed = ", ".join(each for each in Level if each in (Level.AUTO, *levels))
            raise ValueError(
                f"level must be one of {allowed} for {self.array}, not {self.level.value!r}"
                if levels else f"level must be auto for {self.array}, not {self.level.value!r}"
            )
        plain = self.resolved_level in (Level.BEHAVIOURAL, Level.MAC)
        if plain and self.encoding is not None:
            raise ValueError(
                f"encoding must be left out for level {self.resolved_level} (its multiplier has "
                f"its own), not {self.encoding.value!r}"
            )
        if self.array is Array.DIGIT_SERIAL:
            lanes, group = self.option("lanes"), self.option("group")
            if self.depth is not None and self.depth % (lanes * group):
                raise ValueError(
                    f"depth must be a multiple of lanes * group = {lanes} * {group} = "
                    f"{lanes * group}, not {self.depth}"
                )

    def _check_sums(self) -> None:
        sums = self.accumulator_bits
        at_least = self.exact_bits(self.checked_depth)
        if at_least > MAX_ACCUMULATOR_BITS and not self.wrap:
            raise ValueError(
                f"{'exact_depth' if self.exact_depth else 'depth'} must be of sums of at most "
                f"{MAX_ACCUMULATOR_BITS} bits unless wrap is true, not {self.checked_depth} "
                f"({at_least} bits)"
            )
        if sums < at_least and not self.wrap:
            raise ValueError(
                f"accumulator_width must be at least {at_least} for sums of {self.checked_depth} "
                f"products unless wrap is true, not {sums}"
            )
        if self.result_width is not None and self.result_width > sums:
            raise ValueError(
                f"result_width must be at most {sums}, the bits of the sums, not "
                f"{self.result_width}"
            )
        narrow = self.result_bits < sums
        if narrow and not (self.saturate or self.wrap):
            raise ValueError(
                f"saturate or wrap must be true for results of {self.result_bits} bits of sums of "
                f"{sums} bits, not both false"
            )
        if self.saturate and not narrow:
            raise ValueError(
                f"saturate must be false unless result_width is below {sums}, the bits of the "
                "sums, not true"
            )
        if self.resolve_stages > sums:
            raise ValueError(
                f"resolve_stages must be at most {sums}, the bits of the sums, not "
                f"{self.resolve_stages}"
            )

    def option(self, name: str) -> Any:
        """An option of the array, its default if it is left out; 0 or false if it has none."""
        value = getattr(self, name)
        if value is not None:
            return value
        if name == "depth" and self.array is Array.DIGIT_SERIAL:
            step = self.option("lanes") * self.option("group")
            return -(-OPTIONS[self.array]["depth"] // step) * step
        if name == "lanes" and self.array is Array.DIGIT_SERIAL and self.level is Level.OPT4C:
            return 1
        if name == "lanes" and self.array is Array.MATRIX_2D and self.level is Level.OPT2:
            return 4
        default = 1 if name in ("rows", "lanes") else "operands" if name == "source" else 0
        return OPTIONS[self.array].get(name, default)

    @property
    def resolved_level(self) -> Level:
        """The level; for ``auto`` the first of the array, or what the lanes ask for."""
        if self.level is not Level.AUTO or not LEVELS[self.array]:
            return self.level
        if self.array is Array.MATRIX_2D and self.option("lanes") > 1:
            return Level.OPT2
        if self.array is Array.DIGIT_SERIAL and self.option("lanes") == 1:
            return Level.OPT4C
        return LEVELS[self.array][0]

    @property
    def resolved_encoding(self) -> Encoding:
        """The encoding; by default NAF where digits take time, and Booth where they take area."""
        sparse = self.array in (Array.DIGIT_SERIAL, Array.LACONIC)
        return self.encoding or (Encoding.NAF if sparse else Encoding.BOOTH)

    @property
    def products(self) -> tuple[int, int]:
        """Least and largest product."""
        return product_range(
            operand_range(self.a_width, self.a_signed), operand_range(self.b_width, self.b_signed)
        )

    def exact_bits(self, depth: int) -> int:
        """Bits that hold every sum of so many products."""
        return accumulator_bits(self.products, depth)

    @property
    def checked_depth(self) -> int:
        """Products of which sums must not overflow: those asked for, or those of a single step."""
        step: int = self.option("lanes") if self.array.keeps_sums else self.option("depth")
        return self.exact_depth or (self.option("depth") or step)

    @property
    def accumulator_bits(self) -> int:
        """Bits of the sums."""
        if self.accumulator_width is not None:
            return self.accumulator_width
        depth = self.exact_depth or max(_EXACT_DEPTH, self.checked_depth)
        return min(MAX_ACCUMULATOR_BITS, self.exact_bits(depth))

    @property
    def result_bits(self) -> int:
        """Bits of the results."""
        return self.accumulator_bits if self.result_width is None else self.result_width

    @property
    def exact_products(self) -> int:
        """The most products of which every sum fits the accumulator."""
        low, high = self.products
        half = 1 << self.accumulator_bits - 1
        limits = [(half - 1) // high] if high > 0 else []
        return min([*limits, *([half // -low] if low < 0 else [])])

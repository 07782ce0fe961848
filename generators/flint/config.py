"""Config of the flint generator, and how it becomes array parameters."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ...hw.flint.datapath import Datapath, NaiveDatapath, PlainDatapath, ShiftDatapath
from ...hw.flint.digit_datapath import DigitDatapath, weight_digits
from ...hw.flint.parameters import ArrayParameters, accumulator_bits
from ...hw.flint.requantizer import MAX_STAGES
from ...hw.flint.types import OperandFormats, TypeKind
from ..config import Config

__all__ = ["FlintConfig", "Type", "multiplier_cost"]

# A product of more bits than this makes an array that nobody wants by accident.
MAX_ACCUMULATOR_BITS = 64


class Type(StrEnum):
    """A numeric type."""

    INT = "int"
    FLINT = "flint"
    POT = "pot"
    FLOAT = "float"

    @property
    def kind(self) -> TypeKind:
        return TypeKind[self.name]


Bits = Annotated[int, Field(ge=3, le=8)]
Types = Annotated[tuple[Type, ...], Field(min_length=1, max_length=4)]

_DATAPATHS: dict[str, type[Datapath]] = {
    "digit": DigitDatapath, "plain": PlainDatapath, "shift": ShiftDatapath, "naive": NaiveDatapath,
}


class FlintConfig(Config):
    """An output-stationary array of adaptive-type processing elements."""

    rows: int = Field(16, ge=1, le=256, description="rows of processing elements")
    cols: int = Field(16, ge=1, le=256, description="columns of processing elements")
    types: Types = Field(
        (Type.INT, Type.FLINT), description="types of both operands, selected per tile"
    )
    bits: Bits = Field(4, description="code width of both operands")
    weight_types: Types | None = Field(
        None, description="types of the weights, where they are not those of the activations"
    )
    weight_bits: Bits | None = Field(
        None, description="code width of the weights, where it is not that of the activations"
    )
    activation_sign: Literal["signed", "unsigned", "both"] = Field(
        "both", description="signedness of activations, selected per tile for both; weights are "
        "signed",
    )
    pe: Literal["auto", "digit", "plain", "shift", "naive"] = Field(
        "auto", description="processing element; auto is the smallest that can do the types"
    )
    share: int = Field(
        4, ge=1, le=8,
        description="elements of share x share clusters use one set of operand registers",
    )
    max_k: int = Field(
        4096, ge=1, le=1 << 24, description="largest number of products in a sum"
    )
    bias_bits: int = Field(
        16, ge=0, le=48, description="width of the signed biases, bits; 0 for none"
    )
    acc_width: int | None = Field(
        None, ge=2, le=MAX_ACCUMULATOR_BITS,
        description="accumulator width, bits; by default the smallest that cannot overflow",
    )
    output: Literal["accumulator", "codes"] = Field(
        "accumulator", description="raw accumulators, or codes of the next tensor's type"
    )
    output_types: Types | None = Field(
        None, description="types of the output codes, where they are not those of the activations"
    )
    output_bits: Bits | None = Field(
        None, description="width of the output codes, where it is not that of the activations"
    )
    output_sign: Literal["signed", "unsigned", "both"] = Field(
        "both", description="signedness of the output codes, selected per tile for both"
    )
    multiplier_width: int = Field(
        16, ge=2, le=32, description="width of the unsigned requantisation multipliers, bits"
    )
    requantizer_stages: int = Field(
        3, ge=1, le=MAX_STAGES, description="pipeline stages of the requantiser"
    )
    output_depth: int | None = Field(
        None, ge=1, le=1024,
        description="rows of results that wait at the output; by default the fewest that drain a "
        "tile at one row per cycle",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("types", "weight_types", "output_types"):
            types = getattr(self, name)
            if types is not None and len(set(types)) != len(types):
                raise ValueError(f"{name} must name each type once, not {_names(types)}")
        for name, types, bits, sign in self._operands():
            if Type.POT in types:
                _check_pot(name, bits, sign)
        least = self.least_acc_width
        if least > MAX_ACCUMULATOR_BITS:
            raise ValueError(
                f"types must have sums of at most {MAX_ACCUMULATOR_BITS} bits, not {least} "
                f"({_names(self.types)} at {self.bits} bits, max_k {self.max_k})"
            )
        if self.acc_width is not None and self.acc_width < least:
            raise ValueError(
                f"acc_width must be at least {least} for sums of {self.max_k} products, "
                f"not {self.acc_width}"
            )
        if self.pe == "digit" and weight_digits(self.weight) is None:
            raise ValueError(
                "pe must be auto, plain, shift or naive for weights that two digits do not write "
                f"({self.weight}), not 'digit'"
            )
        return self

    def _operands(self) -> list[tuple[str, tuple[Type, ...], int, str]]:
        weight_types, weight_bits = self.weight_types or self.types, self.weight_bits or self.bits
        operands: list[tuple[str, tuple[Type, ...], int, str]] = [
            ("types" if self.weight_types else "bits", self.types, self.bits, self.activation_sign),
            ("weight_bits" if self.weight_bits else "bits", weight_types, weight_bits, "signed"),
        ]
        if self.output == "codes":
            types, bits = self.output_types or self.types, self.output_bits or self.bits
            operands.append(("output_bits", types, bits, self.output_sign))
        return operands

    @property
    def activation(self) -> OperandFormats:
        """Formats of the activations."""
        return _formats(self.types, self.bits, self.activation_sign)

    @property
    def weight(self) -> OperandFormats:
        """Formats of the weights: signed."""
        return _formats(self.weight_types or self.types, self.weight_bits or self.bits, "signed")

    @property
    def result(self) -> OperandFormats | None:
        """Formats of the output codes, None for raw accumulators."""
        if self.output == "accumulator":
            return None
        types = self.output_types or self.types
        return _formats(types, self.output_bits or self.bits, self.output_sign)

    @property
    def least_acc_width(self) -> int:
        """The smallest accumulator width in which no sum of ``max_k`` products overflows."""
        bits: int = accumulator_bits(self.activation, self.weight, self.max_k, self.bias_bits)
        return bits

    @property
    def datapath(self) -> Datapath:
        """The datapath that ``pe`` names; for ``auto`` the smallest that can do the types.

        Int alone is smallest with digits up to four bits and with a multiplier above; other types
        with digits where two digits write every weight, else with the cheaper of plain and shift,
        by the size of their multipliers (``benchmarks/flint_area.py`` measures all of them).
        """
        activation, weight = self.activation, self.weight
        if self.pe != "auto":
            return _DATAPATHS[self.pe](activation, weight)
        if weight_digits(weight) is not None:
            return DigitDatapath(activation, weight)
        plain, shift = PlainDatapath(activation, weight), ShiftDatapath(activation, weight)
        return min((plain, shift), key=multiplier_cost)

    @property
    def parameters(self) -> ArrayParameters:
        """Parameters of the hardware."""
        def parameters(result_depth: int) -> ArrayParameters:
            return ArrayParameters(
                datapath=self.datapath,
                rows=self.rows,
                cols=self.cols,
                share=self.share,
                max_depth=self.max_k,
                accumulator_bits=self.acc_width or self.least_acc_width,
                bias_bits=self.bias_bits,
                result_formats=self.result,
                multiplier_bits=self.multiplier_width,
                requantizer_stages=self.requantizer_stages,
                result_depth=result_depth,
            )

        # A row holds its place from the decision to drain it until the cycle it leaves.
        full_rate = min(parameters(1).result_latency + 1, self.rows)
        return parameters(self.output_depth or full_rate)


def _formats(types: tuple[Type, ...], bits: int, sign: str) -> OperandFormats:
    signs = {"signed": (True,), "unsigned": (False,), "both": (False, True)}[sign]
    return OperandFormats.of([each.kind for each in types], bits, signs)


def _names(types: tuple[Type, ...]) -> str:
    return ",".join(types)


def _check_pot(field: str, bits: int, sign: str) -> None:
    """Refuse powers of two beyond 2^30: no accumulator holds a useful sum of them."""
    magnitude_bits = bits if sign in ("unsigned", "both") else bits - 1
    if magnitude_bits > 5:
        largest = 2**magnitude_bits - 2
        raise ValueError(
            f"{field} must leave pot at most 5 magnitude bits (its range is 2^{largest} "
            f"otherwise), not {bits} bits {sign}"
        )


def multiplier_cost(datapath: Datapath) -> int:
    """Partial product bits of the multiplier, plus the multiplexers of the shift."""
    a, w = datapath.activation, datapath.weight
    if isinstance(datapath, PlainDatapath):
        return _signed_bits(a.value_min, a.value_max) * _signed_bits(w.value_min, w.value_max)
    stages = max(a.exponent_width, w.exponent_width)
    stages += min(a.exponent_width, w.exponent_width) > 0
    multiplier = _signed_bits(a.base_min, a.base_max) * _signed_bits(w.base_min, w.base_max)
    cost: int = multiplier + stages * datapath.product_bits // 2
    return cost


def _signed_bits(low: int, high: int) -> int:
    """Bits of a signed number from ``low`` to ``high``."""
    return max(high.bit_length(), (~low).bit_length() if low < 0 else 0) + 1

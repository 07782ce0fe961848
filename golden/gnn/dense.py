"""Matrix products: the linear layer, and the integer product with its requantisation.

Operands `x_i` with units `u_i` and real matrices `W_i` share one 32-bit accumulator, so there is
one unit U of the sum for all of them:

    U = max over i of (max|W_i| / 127) u_i
    w_i = floor(W_i u_i / U + 1/2),   b = floor(bias / U + 1/2)
    y = RQ(sum over i of x_i w_i + b, multiplier(U / unit_out))

The matrix that decides U uses all of -127..127 and the others as much as their share of the sum
deserves: each matrix's rounding then weighs about the same in the sum. U is made larger where the
bias would need more than 30 bits, which happens only where the products are nothing beside it.

One unit per tensor, not per column: RQ has one constant per instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .activations import Activation, Finish, activate
from .fixed import Multiplier, matmul, multiplier, requantize, wrap32
from .graph import Graph, Integers, Reals
from .layer import Int8Layer, Layer, check_arrays
from .units import LARGEST, codes_of, rounded

__all__ = ["Int8Linear", "Linear", "Product", "accumulator_unit"]

_BIAS_LIMIT = 2.0**30


@dataclass(frozen=True, eq=False)
class Product:
    """`RQ(sum over i of x_i w_i + b)`.

    Attributes
    ----------
    weights
        i8 [K_i, N].
    bias
        i32 [N].
    by
        The constant of RQ.
    bits
        Width of the result.
    """

    weights: tuple[Integers, ...]
    bias: Integers
    by: Multiplier
    bits: int = 8

    @classmethod
    def of(
        cls,
        matrices: Sequence[Reals],
        units: Sequence[float],
        bias: Reals | None,
        unit_out: float,
        *,
        bits: int = 8,
        unit: float | None = None,
    ) -> Product:
        """Return the product of real matrices.

        Parameters
        ----------
        matrices, units
            W_i [K_i, N] and the unit of the codes that it multiplies.
        bias
            [N] or None.
        unit_out
            Unit of the result.
        unit
            U, if something else decides it.
        """
        u = accumulator_unit(matrices, units, bias) if unit is None else unit
        weights = tuple(codes_of(each, u / by) for each, by in zip(matrices, units, strict=True))
        constant = np.zeros(matrices[0].shape[1]) if bias is None else bias
        return cls(weights, rounded(constant / u), multiplier(u / unit_out), bits)

    @property
    def bound(self) -> int:
        """Largest magnitude of a sum for any i8 operands."""
        products = sum(128 * np.abs(each).sum(axis=0) for each in self.weights)
        return int((products + np.abs(self.bias)).max())

    def __call__(self, *operands: Integers) -> Integers:
        total = sum(matmul(x, w) for x, w in zip(operands, self.weights, strict=True))
        return requantize(wrap32(total + self.bias), self.by, self.bits)


def accumulator_unit(
    matrices: Sequence[Reals], units: Sequence[float], bias: Reals | None
) -> float:
    """Return U of matrices, of the units of their operands, and of a bias."""
    weights = max(float(np.abs(each).max()) * by for each, by in zip(matrices, units, strict=True))
    unit = (weights or units[0]) / LARGEST
    return unit if bias is None else max(unit, float(np.abs(bias).max()) / _BIAS_LIMIT)


@dataclass(frozen=True, eq=False)
class Linear(Layer):
    """`act(x W + b)`.

    Attributes
    ----------
    weight
        [K, N].
    bias
        [N] or None.
    activation
        Applied to the result, as in every layer.
    """

    weight: Reals
    bias: Reals | None = None
    activation: Activation = Activation.NONE

    def __post_init__(self) -> None:
        check_arrays(self, weight=(None, None))
        check_arrays(self, bias=(self.out_features,))

    @property
    def in_features(self) -> int:
        return int(self.weight.shape[0])

    @property
    def out_features(self) -> int:
        return int(self.weight.shape[1])

    def linear(self, x: Reals) -> Reals:
        """Return `x W + b`."""
        product: Reals = x @ self.weight
        return product if self.bias is None else product + self.bias

    def forward(self, graph: Graph, x: Reals) -> Reals:
        return activate(self.linear(x), self.activation)

    def quantize(self, graph: Graph, x: Reals, unit_in: float, least: float) -> Int8Linear:
        finish = Finish.of(self.activation, self.linear(x), least=least)
        product = Product.of([self.weight], [unit_in], self.bias, finish.unit_in)
        return Int8Linear(unit_in, finish.unit_out, product, finish)


@dataclass(frozen=True, eq=False)
class Int8Linear(Int8Layer):
    """`finish(product(x))`."""

    unit_in: float
    unit_out: float
    product: Product
    finish: Finish

    @property
    def in_features(self) -> int:
        return len(self.product.weights[0])

    def forward(self, graph: Graph, x: Integers) -> Integers:
        return self.finish(self.product(x))

    def bounds(self, graph: Graph) -> dict[str, int]:
        return {"x W + b": self.product.bound}

"""GGNN: a GRU that reads the sum of the neighbours, several steps.

    m_v = sum over u in N(v) of x_u W_step
    r = sigmoid(m I_r + i_r + x H_r + h_r),  z = sigmoid(m I_z + i_z + x H_z + h_z)
    n = tanh(m I_n + i_n + r (x H_n + h_n))
    x <- (1 - z) n + z x

An input narrower than the state is padded with zeros. The int8 layer, with the state's unit s for
x and n in every step:

    g = RQ(sum of x_u)                                       i8, unit of its own
    r, z = sigmoid_table(RQ(g w_rz + x h_rz + b_rz))         i8, unit 1/127, 0..127
    a = RQ_16(g w_n + i_n),  q = RQ(x h_n + h_n)             units s_q / 127 and s_q
    n = tanh_table(RQ(sat_16(a + r q)))                      i8, unit s
    x <- RQ(127 n + z (x - n), multiplier(1 / 127))          = (127 - z) n + z x

Decisions:

* The sum is taken over x, and W_step is multiplied into I: two matrices without anything between
  them are one, which saves a seventh of the work and a rounding.
* `r q` has the unit s_q / 127 without a shift, and a is rounded to that unit in 16 bits; s_q is at
  least so large that a uses half of them.
* `x - n` fits 9 bits and z times it 16, so the update is SUB, MUL (i16), AXPY by 127 (i32), RQ.
* All steps share their units, constants, tables and the weights of x; only w_rz and w_n differ.
* The unit of the state suits the input, all states and all n of the calibration.

Source: the project's brief, section 3; the fixed-point form is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .activations import Activation, Finish, activate
from .dense import Product, accumulator_unit
from .fixed import Multiplier, multiplier, requantize, saturate, wrap32
from .graph import Graph, Integers, Reals
from .layer import Int8Layer, Layer, check_arrays
from .units import LARGEST, unit_of

__all__ = ["Ggnn", "Int8Ggnn", "Int8Step"]

_HALF_SCORE = 2.0**14
"""Where the largest share of m in the candidate lies at most, in units of 16 bits."""


@dataclass(frozen=True, eq=False)
class _Trace:
    """What a step computes: the sum, the gates and candidate before their functions, and after."""

    gathered: Reals
    gates: Reals
    candidate_m: Reals
    candidate_x: Reals
    candidate: Reals
    n: Reals
    x: Reals


@dataclass(frozen=True, eq=False)
class Ggnn(Layer):
    """GatedGraphConv.

    Attributes
    ----------
    features
        Width of the input, at most F.
    weights
        W of each step, [steps, F, F].
    weight_m, weight_x
        I and H, [F, 3 F], for r, z and n side by side (PyTorch's `weight_ih` and `weight_hh`).
    bias_m, bias_x
        i and h, [3 F] each, or None.
    activation
        Applied to the result.
    """

    features: int
    weights: Reals
    weight_m: Reals
    weight_x: Reals
    bias_m: Reals | None = None
    bias_x: Reals | None = None
    activation: Activation = Activation.NONE

    def __post_init__(self) -> None:
        check_arrays(self, weights=(None, None, None))
        width = self.out_features
        gates = (width, 3 * width)
        check_arrays(self, weights=(None, width, width), weight_m=gates, weight_x=gates)
        check_arrays(self, bias_m=(3 * width,), bias_x=(3 * width,))
        if not 1 <= self.features <= width:
            raise InputError(f"features must be in 1..{width}, not {self.features}")

    @property
    def in_features(self) -> int:
        return self.features

    @property
    def out_features(self) -> int:
        return int(self.weights.shape[2])

    def forward(self, graph: Graph, x: Reals) -> Reals:
        return activate(self._traces(graph, x)[-1].x, self.activation)

    def _biases(self) -> tuple[Reals, Reals]:
        none = np.zeros(3 * self.out_features)
        return (
            none if self.bias_m is None else self.bias_m,
            none if self.bias_x is None else self.bias_x,
        )

    def _traces(self, graph: Graph, x: Reals) -> list[_Trace]:
        width = self.out_features
        bias_m, bias_x = self._biases()
        x = _padded(x, width)
        result = []
        for weight in self.weights:
            gathered = graph.gather_rows(x, "sum")
            of_m = gathered @ weight @ self.weight_m + bias_m
            of_x = x @ self.weight_x + bias_x
            gates = of_m[:, : 2 * width] + of_x[:, : 2 * width]
            r, z = np.split(activate(gates, Activation.SIGMOID), 2, axis=1)
            candidate_m, candidate_x = of_m[:, 2 * width :], of_x[:, 2 * width :]
            candidate = candidate_m + r * candidate_x
            n = np.tanh(candidate)
            x = (1 - z) * n + z * x
            result.append(_Trace(gathered, gates, candidate_m, candidate_x, candidate, n, x))
        return result

    def input_unit(self, graph: Graph, x: Reals, least: float) -> float:
        least = 0.0 if self.activation.by_table else least
        traces = self._traces(graph, x)
        return unit_of(x, *(each.x for each in traces), *(each.n for each in traces), least=least)

    def quantize(self, graph: Graph, x: Reals, unit_in: float, least: float) -> Int8Ggnn:
        width = self.out_features
        traces = self._traces(graph, x)
        unit_g = unit_of(*(each.gathered for each in traces))
        sigmoid = Finish.of(Activation.SIGMOID, np.concatenate([each.gates for each in traces]))
        unit_q = unit_of(
            *(each.candidate_x for each in traces),
            *(each.candidate_m * (LARGEST**2 / _HALF_SCORE) for each in traces),
        )
        tanh = Finish.of(
            Activation.TANH, np.concatenate([each.candidate for each in traces]), unit_out=unit_in
        )
        bias_m, bias_x = self._biases()
        of_m = [weight @ self.weight_m for weight in self.weights]
        of_x = self.weight_x
        gates, rest = slice(2 * width), slice(2 * width, None)
        bias = bias_m[gates] + bias_x[gates]
        # One unit for the accumulators of all steps, so that they share the weights of x.
        unit_gates = max(
            accumulator_unit([m[:, gates], of_x[:, gates]], [unit_g, unit_in], bias) for m in of_m
        )
        unit_candidate = max(accumulator_unit([m[:, rest]], [unit_g], bias_m[rest]) for m in of_m)
        steps = [
            Int8Step(
                Product.of(
                    [m[:, gates], of_x[:, gates]], [unit_g, unit_in], bias, sigmoid.unit_in,
                    unit=unit_gates,
                ),
                Product.of(
                    [m[:, rest]], [unit_g], bias_m[rest], unit_q / LARGEST, bits=16,
                    unit=unit_candidate,
                ),
            )
            for m in of_m
        ]  # fmt: skip
        finish = Finish.of(self.activation, traces[-1].x, least=least, unit_in=unit_in)
        return Int8Ggnn(
            unit_in=unit_in,
            unit_out=finish.unit_out,
            features=self.features,
            gather=multiplier(unit_in / unit_g),
            steps=tuple(steps),
            sigmoid=sigmoid,
            candidate_x=Product.of([of_x[:, rest]], [unit_in], bias_x[rest], unit_q),
            candidate=multiplier(unit_q / LARGEST / tanh.unit_in),
            tanh=tanh,
            finish=finish,
        )


@dataclass(frozen=True, eq=False)
class Int8Step:
    """The products of a step.

    Attributes
    ----------
    gates
        Of g and x, for r and z side by side, before the sigmoid.
    candidate_m
        a, i16, of g.
    """

    gates: Product
    candidate_m: Product


@dataclass(frozen=True, eq=False)
class Int8Ggnn(Int8Layer):
    """The int8 layer.

    Attributes
    ----------
    gather
        Constant of the RQ that gives g.
    candidate_x
        q.
    candidate
        Constant of the RQ before the tanh.
    """

    unit_in: float
    unit_out: float
    features: int
    gather: Multiplier
    steps: tuple[Int8Step, ...]
    sigmoid: Finish
    candidate_x: Product
    candidate: Multiplier
    tanh: Finish
    finish: Finish

    @property
    def in_features(self) -> int:
        return self.features

    def forward(self, graph: Graph, x: Integers) -> Integers:
        x = _padded(x, len(self.candidate_x.bias))
        for step in self.steps:
            g = requantize(wrap32(graph.gather_rows(x, "sum")), self.gather)
            r, z = np.split(self.sigmoid(step.gates(g, x)), 2, axis=1)
            sums = saturate(step.candidate_m(g) + r * self.candidate_x(x), 16)
            n = self.tanh(requantize(sums, self.candidate))
            x = requantize(LARGEST * n + z * (x - n), multiplier(1.0 / LARGEST))
        return self.finish(x)

    def bounds(self, graph: Graph) -> dict[str, int]:
        result = {
            "the sum over in-edges": 128 * graph.largest_degree,
            "x H_n + h_n": self.candidate_x.bound,
        }
        for i, step in enumerate(self.steps):
            result[f"g W + x H + b of the gates in step {i}"] = step.gates.bound
            result[f"g W + i_n in step {i}"] = step.candidate_m.bound
        return result


def _padded(x: NDArray[Any], width: int) -> NDArray[Any]:
    return np.pad(x, ((0, 0), (0, width - x.shape[1])))

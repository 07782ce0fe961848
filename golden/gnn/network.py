"""Networks: layers one behind the other, in float64 and in int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from .graph import Graph, Integers, Reals
from .layer import Int8Layer, Layer, checked
from .units import codes_of

__all__ = ["Int8Network", "Network", "quantize"]


@dataclass(frozen=True, eq=False)
class Network:
    """Float64 layers.

    Attributes
    ----------
    layers
        At least one; each reads what the one before it returns.
    """

    layers: Sequence[Layer]

    def __post_init__(self) -> None:
        if not self.layers:
            raise InputError("layers must be at least one, not none")
        for i, (before, after) in enumerate(zip(self.layers, self.layers[1:], strict=False)):
            if after.in_features != before.out_features:
                raise InputError(
                    f"layer {i + 1} must have {before.out_features} inputs, the outputs of layer "
                    f"{i}, not {after.in_features}"
                )

    def trace(self, graph: Graph, x: Reals) -> list[Reals]:
        """Return the input [N, K] and every layer's output, float64."""
        values = [checked("x", x, (graph.vertices, self.layers[0].in_features))]
        for layer in self.layers:
            values.append(layer.forward(graph, values[-1]))
        return values

    def forward(self, graph: Graph, x: Reals) -> Reals:
        """Return the last layer's output."""
        return self.trace(graph, x)[-1]


@dataclass(frozen=True, eq=False)
class Int8Network:
    """Int8 layers, each with the unit of its predecessor's output as its input's."""

    layers: Sequence[Int8Layer]

    @property
    def unit_in(self) -> float:
        """Real value of the unit of an input code."""
        return self.layers[0].unit_in

    @property
    def unit_out(self) -> float:
        """Real value of the unit of an output code."""
        return self.layers[-1].unit_out

    def encode(self, graph: Graph, x: Reals) -> Integers:
        """Return the input codes of real numbers; those beyond the range saturate."""
        real = checked("x", x, (graph.vertices, self.layers[0].in_features))
        return codes_of(real, self.unit_in)

    def trace(self, graph: Graph, codes: Integers) -> list[Integers]:
        """Return the input codes and every layer's output codes, int64."""
        shape = (graph.vertices, self.layers[0].in_features)
        if codes.shape != shape or codes.dtype.kind != "i":
            raise InputError(
                f"codes must be signed integers {list(shape)}, not {codes.dtype} "
                f"{list(codes.shape)}"
            )
        wrong = (codes < -128) | (codes > 127)
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise InputError(f"codes must be in -128..127, not {codes[index]} at {list(index)}")
        values = [codes.astype(np.int64)]
        for layer in self.layers:
            values.append(layer.forward(graph, values[-1]))
        return values

    def forward(self, graph: Graph, x: Reals) -> Reals:
        """Return the real numbers that the output codes of real inputs stand for."""
        codes = self.trace(graph, self.encode(graph, x))[-1]
        return codes.astype(np.float64) * self.unit_out

    def prove(self, graph: Graph) -> None:
        """Raise InputError if a 32-bit value of a layer can overflow on a graph."""
        for i, layer in enumerate(self.layers):
            layer.prove(graph, f"layer {i}")


def quantize(network: Network, graph: Graph, x: Reals) -> Int8Network:
    """Return the int8 network of a float64 one.

    The largest magnitudes on the calibration data set every unit. A layer whose states keep the
    unit of its input (APPNP, GGNN) asks its predecessor for one that suits them all.

    Parameters
    ----------
    network
        Real numbers.
    graph, x
        Calibration data: a graph and features [N, K], representative of what will be run.

    Raises
    ------
    InputError
        If x has another shape or is not finite, or the range proof of a layer fails on the graph.
    """
    values = network.trace(graph, x)
    units = [0.0]
    for layer, value in zip(reversed(network.layers), reversed(values[:-1]), strict=True):
        units.append(layer.input_unit(graph, value, units[-1]))
    units.reverse()
    unit, layers = units[0], []
    for layer, value, least in zip(network.layers, values[:-1], units[1:], strict=True):
        layers.append(layer.quantize(graph, value, unit, least))
        unit = layers[-1].unit_out
    result = Int8Network(layers)
    result.prove(graph)
    return result

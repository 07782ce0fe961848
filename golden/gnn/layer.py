"""What every layer offers, in float64 and in int8, and the checks of their numbers.

Rows of a matrix [N, F] belong to vertices. Weights are [K, N] and multiply from the right: the
transpose of what PyTorch stores. Float64 layers have the semantics of PyTorch Geometric 2.8.

Self loops: GCN, SGC, APPNP and GAT drop those of the graph and add one per vertex
(`Graph.looped`); SAGE, GIN and GGNN take the edges as they are. Parallel edges count each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .graph import Graph, Integers, Reals
from .ranges import require_accumulator
from .units import unit_of

__all__ = ["Int8Layer", "Layer", "check_arrays", "checked", "require_count"]


class Layer(ABC):
    """A layer in float64."""

    @property
    @abstractmethod
    def in_features(self) -> int:
        """Width K of the input."""

    @property
    @abstractmethod
    def out_features(self) -> int:
        """Width of the output."""

    @abstractmethod
    def forward(self, graph: Graph, x: Reals) -> Reals:
        """Return the output [N, out_features] of the input [N, in_features]."""

    def input_unit(self, graph: Graph, x: Reals, least: float) -> float:
        """Return the unit that the int8 layer wants of its input.

        A layer whose states keep the unit of the input wants one that suits all of them.

        Parameters
        ----------
        graph, x
            Calibration data.
        least
            The output's unit must be no less.
        """
        del graph, least
        return unit_of(x)

    @abstractmethod
    def quantize(self, graph: Graph, x: Reals, unit_in: float, least: float) -> Int8Layer:
        """Return the int8 layer.

        Parameters
        ----------
        graph, x
            Calibration data: they set the units of all that the layer computes.
        unit_in
            Real value of an input code's unit, as `input_unit` returned for the same data.
        least
            The output's unit must be no less.
        """


class Int8Layer(ABC):
    """A layer on codes: int64 arrays of numbers of 8 bits.

    Attributes
    ----------
    unit_in, unit_out
        Real value of the unit of an input and of an output code.
    """

    unit_in: float
    unit_out: float

    @property
    @abstractmethod
    def in_features(self) -> int:
        """Width of the input."""

    @abstractmethod
    def forward(self, graph: Graph, x: Integers) -> Integers:
        """Return the output codes of the input codes [N, in_features]."""

    @abstractmethod
    def bounds(self, graph: Graph) -> dict[str, int]:
        """Return the largest magnitude that each i32 value can reach, for any input codes."""

    def prove(self, graph: Graph, name: str = "layer") -> None:
        """Check that no 32-bit value can overflow on a graph.

        Raises
        ------
        InputError
            If one can; the line names it, the bound and the largest degree.
        """
        for value, bound in self.bounds(graph).items():
            require_accumulator(f"{value} of {name}", bound, graph.largest_degree)


def checked(name: str, values: NDArray[Any], shape: tuple[int | None, ...]) -> Reals:
    """Return an array as float64 after checks; a dimension that is None may be anything from 1.

    Raises
    ------
    InputError
        If the shape differs, or a number is NaN or infinite.
    """
    real = np.asarray(values, np.float64)
    fits = len(real.shape) == len(shape) and all(
        have >= 1 if want is None else have == want
        for have, want in zip(real.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise InputError(f"{name} must be of shape [{wanted}], not {list(real.shape)}")
    wrong = ~np.isfinite(real)
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InputError(f"{name} must be finite, not {real[index]} at {list(index)}")
    return real


def check_arrays(layer: Layer, **shapes: tuple[int | None, ...]) -> None:
    """Check arrays of a frozen layer and make them float64; one that is None stays so."""
    for name, shape in shapes.items():
        values = getattr(layer, name)
        if values is not None:
            object.__setattr__(layer, name, checked(name, values, shape))


def require_count(name: str, value: int) -> None:
    """Raise InputError unless a number is at least 1."""
    if value < 1:
        raise InputError(f"{name} must be at least 1, not {value}")

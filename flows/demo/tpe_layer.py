"""A layer of the digits network in int8: what tensor engines multiply in the demo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .flint_figures import linears

__all__ = ["Layer", "quantise_layer"]

_MOST = 127
"""Largest magnitude: symmetric int8."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer, ``inputs @ weights`` in integers.

    Attributes
    ----------
    inputs
        int64 [samples, K], -127..127.
    weights
        int64 [K, N], -127..127.
    unit
        float64 [N]: the real number of 1 in the product.
    bias
        float64 [N].
    after
        The modules of the network behind the layer.
    """

    inputs: Integers
    weights: Integers
    unit: Tensor
    bias: Tensor
    after: nn.Sequential

    def scores(self, product: Integers) -> Tensor:
        """Return what the network makes of ``inputs @ weights``: float64 [samples, classes]."""
        values = torch.from_numpy(product).double() * self.unit + self.bias
        with torch.no_grad():
            scores: Tensor = self.after(values.float())
        return scores.double()


def quantise_layer(
    network: nn.Sequential, number: int, calibration: Tensor, samples: Tensor
) -> Layer:
    """Return linear layer ``number`` (the first is 0) with symmetric scales.

    Each output has a scale of its own, so that its largest weight is 127; all inputs have one, so
    that the largest that ``calibration`` leads to is.

    Parameters
    ----------
    calibration, samples
        Inputs of the network, [any number, pixels].
    """
    linear = linears(network)[number]
    modules = list(network)
    at = modules.index(linear)
    before = nn.Sequential(*modules[:at])
    with torch.no_grad():
        largest = before(calibration).abs().max().double()
        values = before(samples).double()
    weight = linear.weight.detach().double()
    steps = torch.stack([_step(row.abs().max()) for row in weight])
    step = _step(largest)
    return Layer(
        _rounded(values / step),
        _rounded(weight / steps[:, None]).T,
        step * steps,
        linear.bias.detach().double(),
        nn.Sequential(*modules[at + 1 :]),
    )


def _step(largest: Tensor) -> Tensor:
    """The real number of 1; any will do where all are 0."""
    return torch.where(largest > 0, largest / _MOST, torch.ones_like(largest))


def _rounded(values: Tensor) -> Integers:
    numbers: Integers = values.round().clamp(-_MOST, _MOST).to(torch.int64).numpy()
    return numbers

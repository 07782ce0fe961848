"""A multilayer perceptron as quantised integer layers, and its exact integer forward pass.

Each linear layer becomes weight codes with one scale per output channel, integer biases in units of
`s_a * s_w[channel]`, and a fixed-point factor per channel that takes its accumulators to the units
of the next layer's activation codes. The last layer ends in raw accumulators.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...errors import InputError
from .codec import round_to_codes
from .pipeline import (
    accumulate,
    accumulator_width,
    fixed_point_scale,
    product_range,
    requantize,
)
from .quantiser import QuantizedTensor, quantize
from .types import NumberType

__all__ = [
    "ActivationFormat",
    "LayerTrace",
    "QuantizedLayer",
    "QuantizedNetwork",
    "quantize_network",
]


@dataclass(frozen=True)
class ActivationFormat:
    """Number type and scale of a layer's input: value = integer * scale."""

    kind: NumberType
    bits: int
    signed: bool
    scale: float

    def encode(self, values: Tensor) -> Tensor:
        """Return the uint8 codes of real numbers."""
        return round_to_codes(values.double() / self.scale, self.kind, self.bits, self.signed)


@dataclass(frozen=True, eq=False)
class QuantizedLayer:
    """One linear layer in integers.

    Attributes
    ----------
    name
        Name of the module in the network.
    weight
        Codes [out, in], type and errors of the weight.
    activation
        Format of the layer's input.
    unit
        float64 [out]: the real number of one accumulator unit, `s_a * s_w[channel]`.
    bias
        int64 [out], in accumulator units.
    relu
        Whether negative outputs become 0.
    output
        Format of the layer's output codes; None for the last layer.
    multiplier, shift
        int64 [out]: `multiplier * 2^-shift` takes an accumulator to the output's units; None for
        the last layer.
    """

    name: str
    weight: QuantizedTensor
    activation: ActivationFormat
    unit: Tensor
    bias: Tensor
    relu: bool
    output: ActivationFormat | None
    multiplier: Tensor | None
    shift: Tensor | None

    @property
    def weight_codes(self) -> Tensor:
        """Weight codes as the array takes them: [in, out]."""
        return self.weight.codes.t().contiguous()

    @property
    def accumulator_width(self) -> int:
        """Bits of an accumulator that no input can overflow."""
        a = self.activation
        products = product_range(a.kind, a.bits, a.signed, self.weight.kind, self.weight.bits)
        bias = (min(int(self.bias.min()), 0), max(int(self.bias.max()), 0))
        return accumulator_width(products, self.weight.codes.shape[1], bias)

    def accumulate(self, codes: Tensor) -> Tensor:
        """Return the int64 accumulators [N, out] of activation codes [N, in]."""
        a = self.activation
        weight = self.weight
        return accumulate(
            codes,
            self.weight_codes,
            a.kind,
            a.bits,
            a.signed,
            weight.kind,
            weight.bits,
            self.bias,
        )

    def requantize(self, accumulators: Tensor) -> Tensor:
        """Return the output codes [N, out]; InputError for the last layer, which has none."""
        if self.output is None or self.multiplier is None or self.shift is None:
            raise InputError(f"layer {self.name} must have an output type, not raw accumulators")
        y = self.output
        return requantize(
            accumulators, self.multiplier, self.shift, self.relu, y.kind, y.bits, y.signed
        )

    def real(self, accumulators: Tensor) -> Tensor:
        """Return the real numbers, float64, that accumulators stand for, after the ReLU if any."""
        values = accumulators.double() * self.unit
        return values.clamp(min=0) if self.relu else values


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """What one layer read and computed: codes [N, in] and accumulators [N, out]."""

    activation_codes: Tensor
    accumulators: Tensor


@dataclass(frozen=True, eq=False)
class QuantizedNetwork:
    """A chain of quantised layers."""

    layers: Sequence[QuantizedLayer]

    def trace(self, inputs: Tensor) -> list[LayerTrace]:
        """Return every layer's activation codes and accumulators for real inputs [N, in]."""
        codes = self.layers[0].activation.encode(inputs)
        result = []
        for layer in self.layers:
            trace = LayerTrace(codes, layer.accumulate(codes))
            result.append(trace)
            if layer.output is not None:
                codes = layer.requantize(trace.accumulators)
        return result

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the network's real outputs, float64 [N, out]."""
        return self.layers[-1].real(self.trace(inputs)[-1].accumulators)


def quantize_network(
    network: nn.Sequential,
    calibration: Tensor,
    bits: int = 4,
    types: str | Iterable[str] | None = None,
    *,
    weight_bits: int | None = None,
    weight_types: str | Iterable[str] | None = None,
    multiplier_width: int = 16,
    search: tuple[int, int] | None = None,
) -> QuantizedNetwork:
    """Quantise a network of `Linear` and `ReLU` modules.

    Parameters
    ----------
    network
        Linear modules, each with a ReLU behind it or not.
    calibration
        Representative inputs [N, in]: they set the type, the scale and the sign of every
        activation.
    bits, types
        Width and candidate types of the activations (see `quantiser.candidate_types`), and of the
        weights unless given apart.
    weight_bits, weight_types
        The same for the weights.
    multiplier_width
        Bits of the output stage's multipliers.
    search
        Range of alpha (see `quantiser.quantize`).

    Raises
    ------
    InputError
        If the network has another module or starts with a ReLU, the calibration data have the wrong
        shape or are not finite, or a scale does not fit the multiplier.
    """
    stages = _stages(network, calibration)
    weight_width = bits if weight_bits is None else weight_bits
    # An iterator would be empty at its second use.
    kinds = types if types is None or isinstance(types, str) else tuple(types)
    weight_kinds = kinds if weight_types is None else weight_types
    if not (weight_kinds is None or isinstance(weight_kinds, str)):
        weight_kinds = tuple(weight_kinds)
    # Weights first: a NaN in one is named there, not in the activations that it spoils.
    weights = [
        quantize(
            stage.linear.weight,
            weight_width,
            weight_kinds,
            is_weight=True,
            search=search,
            name=f"{stage.name}.weight",
        )
        for stage in stages
    ]
    formats = []
    for stage in stages:
        found = quantize(
            stage.inputs, bits, kinds, is_weight=False, search=search, name=f"input of {stage.name}"
        )
        formats.append(ActivationFormat(found.kind, bits, found.signed, float(found.scale[0])))
    outputs: list[ActivationFormat | None] = [*formats[1:], None]
    layers = []
    for stage, weight, activation, output in zip(stages, weights, formats, outputs, strict=True):
        unit = activation.scale * _weight_scales(weight)
        bias = torch.zeros_like(unit)
        if stage.linear.bias is not None:
            bias = stage.linear.bias.detach().double()
        multiplier, shift = None, None
        if output is not None:
            multiplier, shift = fixed_point_scale(unit / output.scale, multiplier_width)
        layers.append(
            QuantizedLayer(
                name=stage.name,
                weight=weight,
                activation=activation,
                unit=unit,
                bias=_integer_bias(bias / unit, stage.name),
                relu=stage.relu,
                output=output,
                multiplier=multiplier,
                shift=shift,
            )
        )
    return QuantizedNetwork(layers)


@dataclass(eq=False)
class _Stage:
    """A linear module, what it read in the calibration, and whether a ReLU follows."""

    name: str
    linear: nn.Linear
    inputs: Tensor
    relu: bool = False


def _stages(network: nn.Sequential, calibration: Tensor) -> list[_Stage]:
    stages: list[_Stage] = []
    values = calibration
    with torch.no_grad():
        for name, module in network.named_children():
            if isinstance(module, nn.Linear):
                if values.dim() != 2 or values.shape[1] != module.in_features:
                    raise InputError(
                        f"input of {name} must be [N, {module.in_features}], not "
                        f"{list(values.shape)}"
                    )
                stages.append(_Stage(name, module, values))
            elif isinstance(module, nn.ReLU) and stages:
                stages[-1].relu = True
            else:
                raise InputError(
                    f"network must be Linear modules, each with or without a ReLU behind it, not "
                    f"{type(module).__name__} at {name}"
                )
            values = module(values.to(stages[-1].linear.weight.dtype))
    if not stages:
        raise InputError("network must have at least one Linear module, not none")
    return stages


def _weight_scales(weight: QuantizedTensor) -> Tensor:
    """Scales of the weight's channels; a zero channel, which has none, takes the finest other.

    Its codes are 0 whatever the scale, but its bias is counted in units of it.
    """
    zero = (weight.integers() == 0).all(dim=1)
    if bool(zero.all()):
        return weight.scale
    finest = weight.scale[~zero].min()
    return torch.where(zero, finest, weight.scale)


def _integer_bias(bias: Tensor, name: str) -> Tensor:
    if not bool(bias.isfinite().all()) or float(bias.abs().max()) >= 2.0**53:
        channel = int(torch.where(bias.isfinite(), bias.abs(), torch.inf).argmax())
        raise InputError(
            f"bias of {name} must be finite and below 2^53 accumulator units, not "
            f"{bias[channel].item()!r} in channel {channel}"
        )
    return bias.round().long()

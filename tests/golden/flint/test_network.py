"""Quantised networks: the integers against float fake-quantisation."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from gatewright.errors import InputError
from gatewright.golden.flint.network import quantize_network
from gatewright.golden.flint.types import decode_table


def make(*sizes: int, bias: bool = True, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    modules: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        modules += [nn.Linear(fan_in, fan_out, bias=bias), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def fake(codes: torch.Tensor, kind: str, bits: int, signed: bool) -> torch.Tensor:
    """Decode code by code."""
    table = decode_table(kind, bits, signed)
    return torch.tensor([float(table[c]) for c in codes.flatten().tolist()]).reshape(codes.shape)


@pytest.mark.parametrize("types", ["int", "int,flint", None])
@pytest.mark.parametrize("seed", [0, 1])
def test_integer_layers_equal_float_fake_quantisation(types, seed):
    network = make(20, 16, 12, 5, seed=seed)
    x = torch.randn(64, 20)
    quantised = quantize_network(network, x, 4, types)
    traces = quantised.trace(x)
    linears = [module for module in network if isinstance(module, nn.Linear)]
    for layer, trace, linear in zip(quantised.layers, traces, linears, strict=True):
        a = layer.activation
        inputs = fake(trace.activation_codes, a.kind, a.bits, a.signed) * a.scale
        weights = fake(layer.weight.codes, layer.weight.kind, 4, True)
        weights = weights * layer.weight.scale[:, None].float()
        expected = nn.functional.linear(inputs, weights, linear.bias)
        # Float32 fake-quantisation and the true bias; the integer bias is half a unit away at most.
        without_bias = (trace.accumulators - layer.bias).double() * layer.unit
        got = without_bias + linear.bias.double()
        assert (got - expected).abs().max() <= 3e-7 * expected.abs().max()
        rounding = (layer.bias * layer.unit - linear.bias).abs()
        assert bool((rounding <= layer.unit / 2 * (1 + 1e-9)).all())


def test_codes_between_layers_are_the_nearest():
    network = make(20, 16, 5)
    x = torch.randn(64, 20)
    quantised = quantize_network(network, x, 4, "int,flint")
    first, second = quantised.layers
    traces = quantised.trace(x)
    real = (first.multiplier.double() / 2.0 ** first.shift.double()) * traces[0].accumulators
    table = decode_table(second.activation.kind, 4, second.activation.signed)
    for y, code in zip(
        real.clamp(min=0).flatten().tolist(), traces[1].activation_codes.flatten().tolist(),
        strict=True,
    ):  # fmt: skip
        assert abs(table[code] - y) == min(abs(value - y) for value in table)
    wanted = first.unit / second.activation.scale
    ratio = first.multiplier.double() / 2.0 ** first.shift.double() / wanted
    assert (ratio - 1).abs().max() <= 2**-16


def test_forward_approaches_the_float_network_with_width():
    network = make(20, 32, 5)
    x = torch.randn(200, 20)
    with torch.no_grad():
        exact = network(x).double()
    errors = [
        float((quantize_network(network, x, bits).forward(x) - exact).square().mean())
        for bits in (3, 4, 6, 8)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3 * float(exact.square().mean())


def test_signs_relus_and_formats():
    network = nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3), nn.ReLU())
    x = torch.rand(40, 8)
    quantised = quantize_network(network, x, 4, "int", weight_bits=5, weight_types=iter(["flint"]))
    assert [layer.relu for layer in quantised.layers] == [False, True, True]
    assert [layer.activation.signed for layer in quantised.layers] == [False, True, False]
    assert {(layer.weight.kind, layer.weight.bits) for layer in quantised.layers} == {("flint", 5)}
    assert quantised.layers[0].output == quantised.layers[1].activation
    assert quantised.layers[-1].output is None
    assert float(quantised.forward(x).min()) >= 0.0
    with pytest.raises(InputError, match=r"^layer 3 must have an output type, not raw"):
        quantised.layers[-1].requantize(torch.zeros(1, 3, dtype=torch.int64))


def test_accumulators_fit_the_declared_width():
    quantised = quantize_network(make(20, 16, 5), torch.randn(64, 20), 4)
    for layer in quantised.layers:
        a = layer.activation
        table = decode_table(a.kind, a.bits, a.signed)
        extreme = torch.tensor([[table.index(max(table))], [table.index(min(table))]])
        weights = layer.weight.integers()
        for codes in (extreme[0], extreme[1]):
            acc = layer.accumulate(codes.expand(1, weights.shape[1]))
            limit = 2 ** (layer.accumulator_width - 1)
            assert -limit <= int(acc.min()) <= int(acc.max()) < limit


def test_zero_weight_channel_keeps_its_bias():
    network = make(6, 4, 3)
    with torch.no_grad():
        network[0].weight[1] = 0.0
        network[0].bias[1] = 0.37
        network[0].weight.mul_(1e-3)
    x = torch.rand(30, 6)
    quantised = quantize_network(network, x, 4, "int")
    first = quantised.layers[0]
    assert not first.weight.codes[1].any()
    value = first.real(quantised.trace(x)[0].accumulators)[:, 1]
    assert (value - 0.37).abs().max() < 1e-3


def test_no_bias():
    quantised = quantize_network(make(6, 4, 3, bias=False), torch.rand(9, 6), 4)
    assert not any(layer.bias.any() for layer in quantised.layers)


@pytest.mark.parametrize(
    ("network", "shape", "message"),
    [
        (nn.Sequential(), (2, 3), "network must have at least one Linear module, not none"),
        (nn.Sequential(nn.ReLU()), (2, 3), "network must be Linear modules, .*, not ReLU at 0"),
        (
            nn.Sequential(nn.Linear(3, 3), nn.Tanh()),
            (2, 3),
            "network must be Linear modules, .*, not Tanh at 1",
        ),
        (nn.Sequential(nn.Linear(3, 3)), (2, 4), r"input of 0 must be \[N, 3\], not \[2, 4\]"),
        (nn.Sequential(nn.Linear(3, 3)), (0, 3), r"input of 0 must not be empty, .*"),
    ],
)
def test_bad_networks(network, shape, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        quantize_network(network, torch.rand(shape))


@pytest.mark.parametrize("module", [0, 2])
def test_nan_is_named(module):
    network = make(3, 2, 2)
    with torch.no_grad():
        network[module].weight[1, 0] = float("nan")
    message = rf"^{module}\.weight must be finite, not nan at \[1, 0\]$"
    with pytest.raises(InputError, match=message):
        quantize_network(network, torch.rand(4, 3))

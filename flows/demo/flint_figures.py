"""Figures of the flint report: rows of tables, and what its charts are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ...golden.flint.network import QuantizedNetwork
from ...golden.flint.quantiser import QuantizedTensor
from ...golden.flint.types import NumberType, decode_table
from .digits import Digits

__all__ = ["decibels", "digits_shown", "histogram", "linears", "tensor_row", "total"]

_BINS = 81
_MISREAD_SHOWN, _RIGHT_SHOWN = 10, 6


def linears(network: nn.Sequential) -> list[nn.Linear]:
    """Return the linear layers in order."""
    return [module for module in network if isinstance(module, nn.Linear)]


def tensor_row(name: str, role: str, tensor: QuantizedTensor) -> dict[str, Any]:
    """Return one tensor's choice; ratios are None where nothing is lost."""
    mse = {kind.value: error for kind, error in tensor.mse_by_type.items()}
    return {
        "name": name, "role": role, "shape": list(tensor.codes.shape), "signed": tensor.signed,
        "type": tensor.kind.value, "mse": tensor.mse, "mse_by_type": mse,
        "mse_ratio": tensor.mse / mse["int"] if mse["int"] else None,
        "snr_db": decibels(tensor.power, tensor.mse),
    }  # fmt: skip


def decibels(power: float, noise: float) -> float | None:
    """Return the signal-to-noise ratio in dB, None without noise (or signal)."""
    return 10 * math.log10(power / noise) if noise and power else None


def histogram(network: nn.Sequential, adaptive: QuantizedNetwork) -> dict[str, Any]:
    """Return weights of one layer, each channel in units of its largest magnitude, and the grids.

    The layer is the largest whose weights are flint, or the largest of all if none is: with both
    grids at their full range one sees which has its levels where the weights are.
    """
    layers = adaptive.layers
    flint = [layer for layer in layers if layer.weight.kind == NumberType.FLINT]
    chosen = max(flint or layers, key=lambda layer: layer.weight.codes.numel())
    index = list(layers).index(chosen)
    weight = linears(network)[index].weight.detach().double()
    peak = weight.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
    counts = torch.histc(weight / peak, bins=_BINS, min=-1, max=1)
    grids = {}
    for kind in chosen.weight.mse_by_type:
        levels = sorted(set(decode_table(kind, chosen.weight.bits, True)))
        grids[kind.value] = [level / max(levels) for level in levels if abs(level) <= max(levels)]
    return {
        "tensor": f"layer {index + 1} weight",
        "type": chosen.weight.kind.value,
        "counts": [int(count) for count in counts],
        "grids": grids,
    }


def total(layers: list[dict[str, Any]], size: int) -> dict[str, Any]:
    """Return the sums over layers on an array of ``size`` elements, and what follows from them."""
    sums = {
        key: sum(layer[key] for layer in layers)
        for key in ("tiles", "macs", "cycles", "model_cycles", "seconds", "checked", "wrong")
    }
    return sums | {
        "utilisation": sums["macs"] / (sums["cycles"] * size),
        "model_utilisation": sums["macs"] / (sums["model_cycles"] * size),
        "cycles_per_second": sums["cycles"] / sums["seconds"],
    }


def digits_shown(data: Digits, predictions: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """Return some test digits: first those on which networks differ, then misread ones."""
    guesses = torch.stack(list(predictions.values()))
    wrong = (guesses != data.test_labels).sum(dim=0)
    rank = torch.where(wrong == len(guesses), 1, torch.where(wrong > 0, 0, 2))
    order = torch.argsort(rank, stable=True)
    misread = order[rank[order] < 2][:_MISREAD_SHOWN].tolist()
    right = order[rank[order] == 2][:_RIGHT_SHOWN].tolist()
    return [
        {
            "sample": sample,
            "label": int(data.test_labels[sample]),
            "predictions": {name: int(guess[sample]) for name, guess in predictions.items()},
            "pixels": [round(float(pixel), 4) for pixel in data.test_pixels[sample]],
        }
        for sample in [*misread, *right]
    ]

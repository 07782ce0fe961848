"""A quantised network through the simulated array, every result checked against the golden model.

Layers go through the array one after another, without a reset in between, each on what the array
itself computed of the one before. Expected are the golden integers of the whole network, so that a
wrong result is found in the layer that made it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...generators.artifacts import Build
from ...generators.build import build_design
from ...generators.flint.config import FlintConfig
from ...generators.flint.workload import Product, Rounding, Tiling, gather, tile_beats
from ...generators.registry import find
from ...golden.flint.network import LayerTrace, QuantizedLayer, QuantizedNetwork
from ...golden.flint.types import decode_table
from ..simulation.batched import BatchedModel

__all__ = ["Array", "NetworkRun", "run_codes", "run_network"]

_TERMS_TOLD = 8


@dataclass(frozen=True, eq=False)
class NetworkRun:
    """A network on an array.

    Attributes
    ----------
    layers
        Of each layer: sizes, cycles, utilisation, results checked and wrong.
    failure
        The first wrong result with all that it was made of; None if there is none.
    outputs
        What the last layer gave, [N, M].
    """

    layers: list[dict[str, Any]]
    failure: dict[str, Any] | None
    outputs: Tensor


class Array:
    """An array: its build folder, and its simulation once it is asked for."""

    def __init__(self, config: FlintConfig, folder: Path) -> None:
        self.config = config
        self.build: Build = build_design(find("flint"), config, folder)
        self._model: BatchedModel | None = None

    def compile(self) -> BatchedModel:
        """Return the simulation, compiled by the first call."""
        if self._model is None:
            self._model = BatchedModel(self.build)
        return self._model

    def multiply(
        self, product: Product, *, stall: float, seed: int, reset: bool
    ) -> tuple[Tiling, NDArray[np.int64], dict[str, Any]]:
        """Run a product; return its tiling, its results [N, M] and what the run took.

        Every stream pauses at random with probability ``stall``. `StreamError` if the array
        deadlocks or breaks a rule of its streams.
        """
        model = self.compile()
        tiling, beats = tile_beats(product, self.config)
        streams = {name: model.pack(name, values) for name, values in beats.items()}
        paused = dict.fromkeys([*streams, "result"], stall) if stall else {}
        start = time.perf_counter()
        ran = model.run_streams(
            streams, {"result": tiling.tiles * tiling.rows}, stall=paused, seed=seed, reset=reset
        )
        seconds = time.perf_counter() - start
        results = gather(model.unpack_array("result", ran.outputs["result"]), tiling)
        took = {"cycles": ran.cycles, "seconds": seconds, "error": ran.ports["error"]}
        return tiling, results, took


def run_network(
    array: Array,
    network: QuantizedNetwork,
    trace: Sequence[LayerTrace],
    *,
    report: Callable[[float], None],
) -> NetworkRun:
    """Run all layers on an array that puts out accumulators.

    Between two layers the golden output stage turns the array's accumulators into codes.

    Parameters
    ----------
    trace
        Golden codes and accumulators of every layer.
    report
        Told how many cycles have been simulated, by the cycle model.
    """
    codes = trace[0].activation_codes
    layers: list[dict[str, Any]] = []
    failure: dict[str, Any] | None = None
    outputs = codes
    done = 0
    for index, (layer, golden) in enumerate(zip(network.layers, trace, strict=True)):
        product = _product(layer, codes, None)
        tiling, results, took = array.multiply(product, stall=0.0, seed=index, reset=not index)
        row, wrong = _check(layer, index, product, tiling, results, golden.accumulators, took)
        layers.append(row)
        failure = failure or wrong
        outputs = torch.from_numpy(results)
        if layer.output is not None:
            codes = layer.requantize(outputs)
        done += tiling.cycles
        report(done)
    return NetworkRun(layers, failure, outputs)


def run_codes(
    array: Array,
    network: QuantizedNetwork,
    trace: Sequence[LayerTrace],
    *,
    stall: float,
    seed: int,
    report: Callable[[float], None],
) -> NetworkRun:
    """Run the hidden layers on an array that puts out codes: codes in, codes out, no golden code.

    Every stream pauses at random, which must change nothing but the number of cycles.
    """
    codes = trace[0].activation_codes
    layers: list[dict[str, Any]] = []
    failure: dict[str, Any] | None = None
    done = 0
    for index, layer in enumerate(network.layers[:-1]):
        product = _product(layer, codes, _rounding(layer))
        tiling, results, took = array.multiply(
            product, stall=stall, seed=seed + index, reset=not index
        )
        expected = trace[index + 1].activation_codes
        row, wrong = _check(layer, index, product, tiling, results, expected, took)
        layers.append(row)
        failure = failure or wrong
        codes = torch.from_numpy(results.astype(np.uint8))
        done += tiling.cycles
        report(done)
    return NetworkRun(layers, failure, codes)


def _rounding(layer: QuantizedLayer) -> Rounding:
    assert layer.output is not None
    assert layer.multiplier is not None
    assert layer.shift is not None
    return Rounding(
        layer.output.kind, layer.output.signed, layer.relu, layer.multiplier.numpy(),
        layer.shift.numpy(),
    )  # fmt: skip


def _product(layer: QuantizedLayer, codes: Tensor, rounding: Rounding | None) -> Product:
    return Product(
        activation=codes.numpy(),
        weight=layer.weight_codes.numpy(),
        activation_kind=layer.activation.kind,
        activation_signed=layer.activation.signed,
        weight_kind=layer.weight.kind,
        bias=layer.bias.numpy(),
        rounding=rounding,
    )


def _check(
    layer: QuantizedLayer,
    index: int,
    product: Product,
    tiling: Tiling,
    results: NDArray[np.int64],
    golden: Tensor,
    took: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Compare a layer's results with the golden ones; return its row, and the first difference."""
    expected = golden.numpy().astype(np.int64)
    wrong = np.argwhere(results != expected)
    cycles = took["cycles"]
    row = {
        "layer": index + 1,
        "samples": tiling.samples,
        "depth": tiling.depth,
        "channels": tiling.channels,
        "activation_type": layer.activation.kind.value,
        "weight_type": layer.weight.kind.value,
        "tiles": tiling.tiles,
        "macs": tiling.macs,
        "cycles": cycles,
        "model_cycles": tiling.cycles,
        "utilisation": tiling.utilisation(cycles),
        "model_utilisation": tiling.utilisation(tiling.cycles),
        "seconds": took["seconds"],
        "checked": results.size,
        "wrong": len(wrong),
        "error_flag": took["error"],
    }
    if len(wrong):
        sample, channel = (int(i) for i in wrong[0])
        got, want = int(results[sample, channel]), int(expected[sample, channel])
        return row, _explain(layer, row, product, tiling, (sample, channel), got, want)
    if took["error"]:
        told = f"layer {index + 1}: the array raised its error flag: a type or a depth was refused"
        return row, {"kind": "error flag", "layer": index + 1, "explanation": [told]}
    return row, None


def _explain(
    layer: QuantizedLayer,
    row: dict[str, Any],
    product: Product,
    tiling: Tiling,
    where: tuple[int, int],
    got: int,
    expected: int,
) -> dict[str, Any]:
    """Return the story of one wrong result: its place, operands, and what it should be."""
    sample, channel = where
    tile, array_row, array_col = tiling.place(sample, channel)
    a, w = layer.activation, layer.weight
    a_table = decode_table(a.kind, a.bits, a.signed)
    w_table = decode_table(w.kind, w.bits, w.signed)
    a_values = [a_table[code] for code in product.activation[sample].tolist()]
    w_values = [w_table[code] for code in product.weight[:, channel].tolist()]
    bias = int(layer.bias[channel])
    terms = [f"{x}*{y}" for x, y in zip(a_values, w_values, strict=True) if x and y]
    shown = " + ".join(terms[:_TERMS_TOLD])
    more = f" + {len(terms) - _TERMS_TOLD} more" if len(terms) > _TERMS_TOLD else ""
    wrong = f"{row['wrong']} of {row['checked']}"
    lines = [
        f"layer {row['layer']}: {wrong} results differ from the golden model; the first is of "
        f"sample {sample}, channel {channel} (tile {tile}, row {array_row}, column {array_col})",
        f"  expected {expected}",
        f"  got      {got}",
        f"  from     {a.kind} activations times {w.kind} weights, depth {tiling.depth}: "
        f"{bias} + {shown}{more}",
    ]
    if product.rounding is not None:
        rounding = product.rounding
        lines.append(
            f"  rounded  times {rounding.multiplier[channel]} * 2^-{rounding.shift[channel]} to "
            f"the nearest {rounding.kind} code"
        )
    return {
        "kind": "mismatch", "layer": row["layer"], "sample": sample, "channel": channel,
        "tile": tile, "row": array_row, "column": array_col, "expected": expected, "got": got,
        "wrong": row["wrong"], "bias": bias, "activations": a_values, "weights": w_values,
        "explanation": lines,
    }  # fmt: skip

"""tpe in the demo: a layer of the digits network in int8, on dense engines and a digit-serial one.

Train, quantise the layer, choose what to encode and how, emit the engines, run all tiles through
their Verilog with and without stalls, compare with torch's int64 product and with the cycle model,
and show cycles, critical path and area side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...generators.artifacts import Build
from ...generators.build import build_design
from ...generators.tpe import generator
from ...generators.tpe.choose import Operand, choose, encoded_rows
from ...generators.tpe.config import TpeConfig
from ...generators.tpe.design import engine
from ...generators.tpe.engine import Array
from ...golden.tpe.encodings import Encoding
from ...golden.tpe.statistics import digit_statistics
from ..simulation.products import ProductRun, multiply
from . import digits, tpe_page, tpe_tables
from .flint_figures import linears
from .job import STALL, Job, told_of
from .section import Section
from .tpe_layer import Layer, quantise_layer

__all__ = ["ENGINES", "Settings", "section"]

ENGINES: Mapping[str, Mapping[str, Any]] = {
    "dense MAC": {"array": Array.SYSTOLIC_OS, "level": "mac"},
    "dense OPT1": {"array": Array.SYSTOLIC_OS, "level": "opt1_shared"},
    "digit-serial OPT4E": {"array": Array.DIGIT_SERIAL, "level": "opt4e", "c_input": True},
}
"""The engines, by title: fields of their configs. The first is what others are measured by."""

_WIDTH = 8

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Settings:
    """Size of the job.

    Attributes
    ----------
    recipe
        How the network is trained; by default it is that of the flint section.
    layer
        Which linear layer, from 0.
    samples
        Held-out digits that go through it, at most.
    rows, cols
        Of each engine.
    target
        What the engines are synthesised for; None for nothing.
    """

    recipe: digits.Recipe = field(default_factory=digits.Recipe)
    layer: int = 1
    samples: int = 32
    rows: int = 4
    cols: int = 8
    target: str | None = "ge"


def section(settings: Settings | None = None) -> Section:
    """Return the demo of tpe."""
    return Section(
        title="tpe: a layer in int8, product by product and digit by digit",
        template="tpe.html",
        job=partial(_Job, settings or Settings()),
        tables=tpe_tables.tables,
        view=tpe_page.view,
    )


class _Job(Job[Settings]):
    def steps(self) -> None:
        data = digits.load(self.settings.samples)
        with digits.one_thread():
            with self.timed("training"):
                network = digits.train(
                    data, self.settings.recipe, self.seed,
                    partial(self.progress, "training, epochs"),
                )  # fmt: skip
            layer = quantise_layer(
                network, self.settings.layer, data.train_pixels, data.test_pixels
            )
        self._tell_layer(network, layer)
        with self.timed("choice"):
            operand, encoding = self._choose(layer)
        a, b = encoded_rows(layer.inputs, layer.weights, operand)
        products = self._engines(a, b, encoding)
        found = {name: each if operand == "a" else each.T for name, each in products.items()}
        with digits.one_thread():
            self._tell_accuracy(data, network, layer, found)

    def _tell_layer(self, network: nn.Sequential, layer: Layer) -> None:
        every = linears(network)
        tensors = {"activations": layer.inputs, "weights": layer.weights}
        self.report |= {
            "source": digits.SOURCE,
            "network": [every[0].in_features, *(linear.out_features for linear in every)],
            "layer": {
                "number": self.settings.layer + 1,
                "samples": layer.inputs.shape[0],
                "inputs": layer.inputs.shape[1],
                "outputs": layer.weights.shape[1],
                "products": layer.inputs.size * layer.weights.shape[1],
            },
            "digits": [
                _statistics(name, values, encoding)
                for name, values in tensors.items()
                for encoding in Encoding
            ],
        }

    def _choose(self, layer: Layer) -> tuple[Operand, Encoding]:
        """Which operand's digits are worked on, and in which encoding, by the cycle model."""
        name = next(
            name for name, fields in ENGINES.items() if fields["array"] is Array.DIGIT_SERIAL
        )
        model = engine(self._config(name, layer.inputs.shape[1], None)).model
        choice = choose(layer.inputs, layer.weights, model)
        tensors = {"a": "activations", "b": "weights"}
        rows = choice.table()
        self.report["candidates"] = [
            row | {"operand": tensors[row["operand"]]} for row in rows
        ]
        best = choice.best
        self.report["encoded"] = tensors[best.operand]
        return best.operand, best.encoding

    def _config(self, name: str, depth: int, encoding: Encoding | None) -> TpeConfig:
        fields = ENGINES[name]
        serial = fields["array"] is Array.DIGIT_SERIAL
        return TpeConfig(
            rows=self.settings.rows, cols=self.settings.cols, a_width=_WIDTH, b_width=_WIDTH,
            exact_depth=depth, encoding=encoding if serial else None, **fields,
        )  # fmt: skip

    def _engines(self, a: Integers, b: Integers, encoding: Encoding) -> dict[str, Integers]:
        """Return the product of each engine that computes it rightly."""
        designs: dict[str, dict[str, Any]] = self.report.setdefault("designs", {})
        products: dict[str, Integers] = {}
        builds = self.compiled(
            "tensor engines", ENGINES,
            lambda name: self._emit(name, self._config(name, a.shape[1], encoding)),
        )  # fmt: skip
        for name in self.counted("simulating tensor engines", ENGINES):
            with self.checking(name, designs[name]):
                self._run(name, builds[name], a, b, products)
        if self.settings.target is not None:
            with self.timed("synthesis"):
                for name, build in builds.items():
                    self._synthesise(name, build, designs[name])
        return products

    def _emit(self, name: str, config: TpeConfig) -> Build:
        """Emit one engine, and tell what it is."""
        folder = name.replace(" ", "-").lower()
        build = build_design(generator, config, self.folder / folder)
        manifest = build.manifest
        self.report["designs"][name] = {
            **told_of(build, folder),
            "encoding": config.resolved_encoding.value,
            "elements": self.settings.rows * self.settings.cols,
            "lanes": manifest.throughput["lanes"],
            "units": engine(config).model.capacity,
            "accumulator": manifest.latency["accumulator"],
            "compared": 0,
        }
        return build

    def _run(
        self, name: str, build: Build, a: Integers, b: Integers, products: dict[str, Integers]
    ) -> None:
        """Run one engine, without stalls and with them."""
        row = self.report["designs"][name]
        for stall in (0.0, STALL):
            with self.timed("simulation"):
                run = multiply(build, a, b, stall=stall, seed=self.seed)
            row["compared"] += run.result.size
            if stall:
                row["stalled"] = {"stall": stall, "cycles": run.measured}
            else:
                row |= _figures(run)
                products[name] = run.result

    def _tell_accuracy(
        self, data: digits.Digits, network: nn.Sequential, layer: Layer,
        products: Mapping[str, Integers],
    ) -> None:
        """What the network reads if the engines compute the layer."""
        with torch.no_grad():
            exact = network(data.test_pixels).double()
        scores = {"float32": exact}
        scores |= {name: layer.scores(product) for name, product in products.items()}
        self.report["accuracy"] = {
            name: {
                "correct": int((each.argmax(dim=1) == data.test_labels).sum()),
                "samples": len(data.test_labels),
                "largest_difference": float((each - exact).abs().max()),
            }
            for name, each in scores.items()
        }

    def _synthesise(self, name: str, build: Build, row: dict[str, Any]) -> None:
        """Area and critical path of the mapping with the least product of both."""
        found = self.synthesised(name, build, self.settings.target or "")
        told = ("area", "area_unit", "delay", "delay_unit", "cells", "flops", "flop_area")
        row["synthesis"] = {key: found[key] for key in told}


def _statistics(tensor: str, values: Integers, encoding: Encoding) -> dict[str, Any]:
    found = digit_statistics(values, encoding, _WIDTH, True)
    return {
        "tensor": tensor,
        "encoding": encoding.value,
        "mean": found.mean,
        "shares": found.probabilities().tolist(),
    }


def _figures(run: ProductRun) -> dict[str, Any]:
    return {
        "cycles": run.measured,
        "model_cycles": run.cycles,
        "runs": run.runs,
        "tiles": sum(len(each.tiles) for each in run.schedules),
        "steps": run.steps,
        "work": run.work,
        "utilisation": run.utilisation,
        "occupation": run.occupation,
        "imbalance": run.imbalance,
        "barrier_cost": run.barrier_cost,
        "checked": run.checked,
        "cycles_per_second": run.rate,
    }

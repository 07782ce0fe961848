"""flint in the demo: a network on real digits, in 4 bits, through the simulated array.

Train, quantise with int alone and with adaptive types, emit the arrays, run the whole test set
through their Verilog, compare each accumulator with the golden integers, and synthesise the arrays
beside plain int4 ones.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ...generators.flint.config import FlintConfig, Type
from ...golden.flint.network import QuantizedNetwork, quantize_network
from ...golden.flint.quantiser import quantize
from . import digits, flint_figures, flint_page, flint_tables
from .flint_array import Array, NetworkRun, run_codes, run_network
from .job import STALL, Job, told_of
from .section import Section

__all__ = ["Settings", "section"]

BITS = 4
SCHEMES = {"int4": ("int",), "adaptive": ("int", "flint")}


@dataclass(frozen=True)
class Settings:
    """Size of the job.

    Attributes
    ----------
    test_samples
        Use only so many of the held-out digits; None for all.
    target
        What the arrays are synthesised for; None for nothing.
    """

    recipe: digits.Recipe = field(default_factory=digits.Recipe)
    test_samples: int | None = None
    rows: int = 16
    cols: int = 16
    target: str | None = "ge"


def section(settings: Settings | None = None) -> Section:
    """Return the demo of flint."""
    return Section(
        title="flint: adaptive 4-bit types on a systolic array",
        template="flint.html",
        job=partial(_Job, settings or Settings()),
        tables=flint_tables.tables,
        view=flint_page.view,
    )


class _Job(Job[Settings]):
    def steps(self) -> None:
        data = digits.load(self.settings.test_samples)
        with digits.one_thread():
            with self.timed("training"):
                network = digits.train(
                    data, self.settings.recipe, self.seed,
                    partial(self.progress, "training, epochs"),
                )  # fmt: skip
            self._tell_network(data, network)
            with self.timed("quantisation"):
                quantised = self._quantise(data, network)
        arrays = self._emit()
        runs = self._simulate(arrays, quantised, data.test_pixels)
        self._tell_accuracy(data, network, quantised, runs)
        if self.settings.target is not None:
            with self.timed("synthesis"):
                self._synthesise(arrays, quantised["adaptive"])

    def _tell_network(self, data: digits.Digits, network: nn.Sequential) -> None:
        linears = flint_figures.linears(network)
        self.report |= {
            "data": {
                "source": digits.SOURCE,
                "train_samples": len(data.train_labels),
                "test_samples": len(data.test_labels),
            },
            "network": {
                "sizes": [linears[0].in_features, *(linear.out_features for linear in linears)],
                "parameters": sum(p.numel() for p in network.parameters()),
                "training": asdict(self.settings.recipe),
                "choice": digits.CHOICE,
            },
        }

    def _quantise(
        self, data: digits.Digits, network: nn.Sequential
    ) -> dict[str, QuantizedNetwork]:
        pixels = data.train_pixels
        quantised = {}
        for name in self.counted("quantising, networks", SCHEMES):
            quantised[name] = quantize_network(network, pixels, BITS, SCHEMES[name])
        tensors: list[dict[str, Any]] = []
        values = pixels
        adaptive = quantised["adaptive"]
        modules = iter(adaptive.layers)
        for module in network:
            if isinstance(module, nn.Linear):
                number = len(tensors) // 2 + 1
                found = quantize(values, BITS, SCHEMES["adaptive"], is_weight=False)
                layer = next(modules)
                assert found.kind == layer.activation.kind
                tensors += [
                    flint_figures.tensor_row(f"layer {number} input", "activation", found),
                    flint_figures.tensor_row(f"layer {number} weight", "weight", layer.weight),
                ]
            values = module(values)
        self.report["tensors"] = tensors
        self.report["histogram"] = flint_figures.histogram(network, adaptive)
        return quantised

    def _emit(self) -> dict[str, Array]:
        both = (Type.INT, Type.FLINT)
        fields: dict[str, dict[str, Any]] = {
            "adaptive": {"types": both},
            "int4": {"types": (Type.INT,)},
            "codes": {"types": both, "output": "codes"},
        }
        return {name: self._emit_one(name, each) for name, each in fields.items()}

    def _emit_one(self, name: str, fields: dict[str, Any]) -> Array:
        config = FlintConfig(rows=self.settings.rows, cols=self.settings.cols, **fields)
        array = Array(config, self.folder / name)
        self.report.setdefault("designs", {})[name] = {
            **told_of(array.build, name),
            "accumulator_bits": config.parameters.accumulator_bits,
            "pe": config.datapath.name,
            "cycles_per_tile": array.build.manifest.throughput["cycles_per_tile"],
        }
        return array

    def _simulate(
        self, arrays: dict[str, Array], quantised: dict[str, QuantizedNetwork], pixels: Tensor
    ) -> dict[str, NetworkRun]:
        with self.timed("simulator builds"):
            for name in self.counted("compiling simulators", arrays):
                arrays[name].compile()
        runs = {}
        with self.timed("simulation"):
            for name in arrays:
                scheme = "adaptive" if name == "codes" else name
                runs[name] = self._simulate_one(name, arrays[name], quantised[scheme], pixels)
        return runs

    def _simulate_one(
        self, name: str, array: Array, network: QuantizedNetwork, pixels: Tensor
    ) -> NetworkRun:
        trace = network.trace(pixels)
        layers = network.layers[:-1] if name == "codes" else network.layers
        size = self.settings.rows * self.settings.cols
        total = len(pixels) * sum(layer.weight.codes.numel() for layer in layers) / size

        def report(done: float) -> None:
            # Fill, drain and padding come on top of the cycles that an ideal array takes.
            self.progress(f"simulating {name}, cycles", done, max(done, total))

        report(0)
        if name == "codes":
            run = run_codes(
                array, network, trace, stall=STALL, seed=self.seed, report=report
            )
        else:
            run = run_network(array, network, trace, report=report)
        told = {
            "design": name,
            "output": array.config.output,
            "stall": STALL if name == "codes" else 0.0,
            "layers": run.layers,
            "total": flint_figures.total(run.layers, size),
        }
        self.report.setdefault("simulation", {})[name] = told
        if run.failure:
            found = dict(run.failure)
            first, *rest = found.pop("explanation")
            self.fail([f"{name}: {first}", *rest], design=name, **found)
        return run

    def _tell_accuracy(
        self,
        data: digits.Digits,
        network: nn.Sequential,
        quantised: dict[str, QuantizedNetwork],
        runs: dict[str, NetworkRun],
    ) -> None:
        """Classify by what the simulated arrays put out."""
        with torch.no_grad():
            exact = network(data.test_pixels).double()
        scores = {"float32": exact}
        for name in SCHEMES:
            scores[name] = quantised[name].layers[-1].real(runs[name].outputs)
        self.report["accuracy"] = accuracy = {}
        predictions = {}
        for name, each in scores.items():
            predictions[name] = each.argmax(dim=1)
            correct = int((predictions[name] == data.test_labels).sum())
            noise = float((each - exact).square().mean())
            accuracy[name] = {
                "correct": correct,
                "samples": len(data.test_labels),
                "accuracy": correct / len(data.test_labels),
                "output_mse": noise,
                "output_snr_db": flint_figures.decibels(float(exact.square().mean()), noise),
            }
        self.report["digits"] = flint_figures.digits_shown(data, predictions)

    def _synthesise(self, arrays: dict[str, Array], network: QuantizedNetwork) -> None:
        """Size and speed of both arrays, and of both with only what this network needs."""
        assert self.settings.target is not None
        tailored = _tailored(network)
        plain = tailored | {"types": (Type.INT,), "weight_types": None}
        pairs = {
            "general": (arrays["adaptive"], arrays["int4"]),
            "tailored": (
                self._emit_one("adaptive-tailored", tailored),
                self._emit_one("int4-tailored", plain),
            ),
        }
        rows: list[dict[str, Any]] = []
        for group, pair in pairs.items():
            found = [self._synthesise_one(array) for array in pair]
            for row in found:
                ratios = {
                    "area_ratio": row["area"] / found[1]["area"],
                    "frequency_ratio": found[1]["delay"] / row["delay"],
                }
                rows.append({"group": group, **row, **ratios})
        self.report["synthesis"] = {"target": self.settings.target, "rows": rows}

    def _synthesise_one(self, array: Array) -> dict[str, Any]:
        name = array.build.folder.name
        report = self.synthesised(name, array.build, self.settings.target or "")
        told = ("area", "area_unit", "delay", "delay_unit", "cells", "flops", "frequency_mhz",
                "timing_engine")  # fmt: skip
        return {"design": name, **{key: report[key] for key in told}}


def _tailored(network: QuantizedNetwork) -> dict[str, Any]:
    """Config fields that leave out what the network does not use."""
    layers = network.layers
    signs = {layer.activation.signed for layer in layers}
    sign = "both" if len(signs) == 2 else "signed" if True in signs else "unsigned"
    used = {layer.activation.kind.value for layer in layers}
    weights = {layer.weight.kind.value for layer in layers}
    return {
        "types": tuple(each for each in Type if each.value in used),
        "weight_types": tuple(each for each in Type if each.value in weights),
        "activation_sign": sign,
        "max_k": max(layer.weight.codes.shape[1] for layer in layers),
    }

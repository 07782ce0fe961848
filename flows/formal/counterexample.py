"""A refuted property as files: the hardware, what refutes it, its waveform, and a test.

The folder stands on its own: ``claim.v`` with its manifest, ``stimulus.json``, ``waves.vcd``, and
``test_counterexample.py``, which pytest runs: it fails as long as the Verilog beside it is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CheckFailed
from ...generators.artifacts import Build, Port, write_json, write_text
from ..simulation.batched import BatchedModel
from ..simulation.batched_build import row_words
from ..synthesis import yosys
from .checker import Answer
from .exhaustion import Difference, run_every
from .model import ASSUMED, HOLDS, TOP, Model

__all__ = ["replay", "write_difference", "write_trace"]

_STATES = 64
"""First states that a replay tries: simulators start what reset does not set at random."""

_TEST = '''"""Counterexample of {name}: {says}"""

from pathlib import Path

from gatewright.flows.formal.counterexample import replay


def test_{identifier}() -> None:
    replay(Path(__file__).parent)
'''


def write_trace(folder: Path, name: str, says: str, model: Model, answer: Answer) -> int:
    """Write the run that breaks a claim; return its cycles, without one of reset.

    ``folder`` holds the build of the claim already.
    """
    frames = answer.inputs
    values: dict[str, list[int]] = {port.name: [0] * len(frames) for port in model.inputs}
    for index, (port, bit) in model.input_bits().items():
        if port in values:
            for cycle, bits in enumerate(frames):
                values[port][cycle] |= int(bits[index]) << bit
    # A run begins with a cycle of reset; a step of an induction from a state that is any.
    skip = 1 if model.sequential and model.settle is None else 0
    stimulus = {
        "property": name, "says": says, "latency": model.settle or 0, "cycles": len(frames) - skip,
        "inputs": {port: numbers[skip:] for port, numbers in values.items()}, "expected": None,
    }  # fmt: skip
    _write(folder, name, says, stimulus)
    _waves(folder, model, answer)
    return len(frames) - skip


def write_difference(folder: Path, name: str, says: str, found: Difference, latency: int) -> None:
    """Write an input for which a unit differs from the golden model."""
    held = latency + 1
    inputs = {port: [value] * held for port, value in found.inputs.items()}
    stimulus = {
        "property": name, "says": says, "latency": latency, "cycles": held, "inputs": inputs,
        "expected": dict(found.expected),
    }  # fmt: skip
    _write(folder, name, says, stimulus)
    build = Build.load(folder)
    if build.manifest.streams:
        return
    rows = _run(BatchedModel(build), inputs, held)
    ports = [port for port in build.manifest.ports if port.name in rows]
    write_text(folder / "waves.vcd", "".join(_dump(build.manifest.top, ports, rows)))


def replay(folder: Path) -> None:
    """Run a counterexample on the Verilog in its folder.

    Raises
    ------
    CheckFailed
        If the property is broken, as it was when the folder was written: cycle and values.
    """
    stimulus = json.loads((folder / "stimulus.json").read_bytes())
    build = Build.load(folder)
    expected, name = stimulus["expected"], stimulus["property"]
    if build.manifest.streams:
        given = {field: values[:1] for field, values in stimulus["inputs"].items()}
        found = run_every(
            build, {field: np.array(values) for field, values in given.items()},
            {field: np.array([value]) for field, value in expected.items()}, 0,
        )  # fmt: skip
        if found is not None:
            raise CheckFailed(f"{name}: {given} must give {expected}, not {dict(found.got)}")
        return
    for seed in range(_STATES if expected is None else 1):
        rows = _run(BatchedModel(build, seed=seed), stimulus["inputs"], stimulus["cycles"])
        if expected is not None:
            got = {port: rows[port][stimulus["latency"]] for port in expected}
            if got != expected:
                given = {port: values[0] for port, values in stimulus["inputs"].items()}
                raise CheckFailed(f"{name}: {given} must give {expected}, not {got}")
            continue
        for cycle, (assumed, holds) in enumerate(zip(rows[ASSUMED], rows[HOLDS], strict=True)):
            if not assumed:
                break
            if not holds and cycle >= stimulus["latency"]:
                raise CheckFailed(f"{name}: broken in cycle {cycle} after reset (state {seed})")


def _write(folder: Path, name: str, says: str, stimulus: Mapping[str, object]) -> None:
    write_json(folder / "stimulus.json", stimulus)
    identifier = re.sub(r"\W+", "_", name)
    text = _TEST.format(name=name, says=says, identifier=identifier)
    write_text(folder / "test_counterexample.py", text)


def _run(
    model: BatchedModel, inputs: Mapping[str, Sequence[int]], count: int
) -> dict[str, list[int]]:
    """All ports in each cycle after reset."""
    packed = {port: _words(values, model, port) for port, values in inputs.items()}
    rows = (
        model.pack_inputs(packed)
        if packed
        else np.zeros((count, row_words(model.inputs)), np.uint32)
    )
    outputs = model.unpack_outputs(model.run_cycles(rows))
    shown = {port: list(map(int, values)) for port, values in outputs.items() if values.ndim == 1}
    return {port: list(values) for port, values in inputs.items()} | {
        port: values[:count] for port, values in shown.items()
    }


def _words(values: Sequence[int], model: BatchedModel, port: str) -> NDArray[Any]:
    (found,) = (each for each in model.manifest.ports if each.name == port)
    if found.width <= 64:
        kind = np.int64 if found.signed or found.width < 64 else np.uint64
        if found.signed:
            half = 1 << found.width - 1
            values = [(value + half) % (2 * half) - half for value in values]
        return np.array(values, kind)
    count = -(-found.width // 32)
    rows = [[value >> 32 * k & 0xFFFFFFFF for k in range(count)] for value in values]
    return np.array(rows, np.uint32)


def _waves(folder: Path, model: Model, answer: Answer) -> None:
    """The waveform with all inner signals, by Yosys' simulator from the checker's trace."""
    trace, picture = model.aiger.with_suffix(".aiw"), model.aiger.with_suffix(".vcd")
    lines = ["1", "b0", "0" * model.registers, *answer.inputs, "."]
    trace.write_text("\n".join(lines) + "\n")
    yosys.run(
        [
            f"read_rtlil {yosys.quote(model.netlist)}", f"hierarchy -top {TOP}",
            f"sim -clock clk -r {trace} -map {model.symbols} -vcd {picture} {TOP}",
        ],
        trace.parent, "waves",
    )  # fmt: skip
    write_text(folder / "waves.vcd", picture.read_text())


def _dump(
    top: str, ports: Sequence[Port], rows: Mapping[str, Sequence[int]]
) -> Iterator[str]:
    """A value change dump of ports, a time step a cycle."""
    yield f"$timescale 1ns $end\n$scope module {top} $end\n"
    for index, port in enumerate(ports):
        yield f"$var wire {port.width} p{index} {port.name} $end\n"
    yield "$upscope $end\n$enddefinitions $end\n"
    for cycle in range(len(next(iter(rows.values())))):
        yield f"#{cycle}\n"
        for index, port in enumerate(ports):
            value = rows[port.name][cycle] % (1 << port.width)
            yield f"b{value:0{port.width}b} p{index}\n"

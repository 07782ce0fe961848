"""Simulation of a unit with thousands of independent stimuli at once, a bit of a word each.

The unit is brought to gates by Yosys, and each gate is one operation of NumPy on words of 64 lanes.
All 65536 pairs of 8-bit operands are one step, at some microseconds a gate: no compiler runs.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import rtlil

_GATES = {
    "$_AND_": lambda a, b: a & b,
    "$_OR_": lambda a, b: a | b,
    "$_XOR_": lambda a, b: a ^ b,
    "$_XNOR_": lambda a, b: ~(a ^ b),
    "$_NOT_": lambda a: ~a,
    "$_MUX_": lambda a, b, s: a ^ ((a ^ b) & s),
}
_PINS = ("A", "B", "S")


class BitParallel:
    """A unit in ``lanes`` independent copies, a multiple of 64; registers start random."""

    def __init__(self, unit, lanes: int, seed: int = 0) -> None:
        module = _gates(unit)
        self.lanes = lanes
        self._words = lanes // 64
        self._rng = np.random.default_rng(seed)
        self._ports = module["ports"]
        cells = module["cells"].values()
        self._flops = [
            (cell["connections"]["D"][0], cell["connections"]["Q"][0])
            for cell in cells
            if cell["type"] == "$_DFF_P_"
        ]
        gates = {
            cell["connections"]["Y"][0]: (
                _GATES[cell["type"]],
                [cell["connections"][pin][0] for pin in _PINS if pin in cell["connections"]],
            )
            for cell in cells
            if cell["type"] in _GATES
        }
        kinds = {cell["type"] for cell in cells} - {*_GATES, "$_DFF_P_", "$scopeinfo"}
        assert not kinds, kinds
        self._order = [(net, *gates[net]) for net in _sorted(gates)]
        zero = np.zeros(self._words, np.uint64)
        self._nets = {"0": zero, "1": ~zero, "x": zero}
        for _, net in self._flops:
            self._nets[net] = self._rng.integers(0, 2**64, self._words, np.uint64)
        inputs = [name for name, port in self._ports.items() if port["direction"] == "input"]
        self.inputs = {name: 0 for name in inputs if name != "clk"}
        if "rst" in self.inputs:
            self.settle(rst=1)
            self.clock()

    def clock(self) -> None:
        """A clock edge, on the inputs that were set last."""
        after = [(q, self._nets[d]) for d, q in self._flops]
        self._nets.update(after)

    def settle(self, **inputs) -> None:
        """Set inputs: integers, or arrays of one for each lane; those not named are 0."""
        assert not inputs.keys() - self.inputs.keys(), inputs.keys()
        for name in self.inputs:
            self._drive(self._ports[name]["bits"], inputs.get(name, 0))
        nets = self._nets
        for net, function, pins in self._order:
            nets[net] = function(*[nets[pin] for pin in pins])

    def read(self, name: str) -> np.ndarray:
        """An output in each lane as it was settled: machine words, or Python integers if wider."""
        bits = self._ports[name]["bits"]
        total = np.zeros(self.lanes, np.int64 if len(bits) < 63 else object)
        for index, net in enumerate(bits):
            column = np.unpackbits(self._nets[net].view(np.uint8), bitorder="little")
            total += column.astype(total.dtype) << index
        return total

    def _drive(self, nets, values) -> None:
        values = np.broadcast_to(np.asarray(values), self.lanes)
        for index, net in enumerate(nets):
            column = ((values >> index) & 1).astype(np.uint8)
            self._nets[net] = np.packbits(column, bitorder="little").view(np.uint64)


def _gates(unit) -> dict:
    """The module of a unit as gates and plain flip-flops, as Yosys writes it in JSON."""
    ys = pytest.importorskip("pyosys.libyosys", reason="pyosys is not installed")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "unit.il"), Path(folder, "gates.json")
        source.write_text(rtlil.convert(unit, name="top", emit_src=False))
        design = ys.Design()
        for command in (
            f"read_rtlil {source}", "hierarchy -top top", "proc", "flatten", "opt_expr",
            "opt_clean", "techmap", "dfflegalize -cell $_DFF_P_ 01", "simplemap", "opt_expr",
            "opt_clean", f"write_json {target}",
        ):
            design.run_pass(f"tee -q {command}")
        design.run_pass("tee -q delete")
        return json.loads(target.read_text())["modules"]["top"]


def _sorted(gates: dict) -> list:
    """Gates' outputs, each after those that it depends on."""
    order, done = [], set()
    for start in gates:
        stack = [start]
        while stack:
            net = stack[-1]
            waiting = [pin for pin in gates[net][1] if pin in gates and pin not in done]
            if net in done or not waiting:
                stack.pop()
                if net not in done:
                    done.add(net)
                    order.append(net)
            else:
                stack += waiting
    return order

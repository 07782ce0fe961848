"""OpenSTA's energies at the activity of a simulation, to stand beside our own.

OpenSTA 2.0.17, which Debian has, takes an activity at input ports alone: it overwrites that of
inner pins by what it computes as if signals were independent of each other. So it gets each cell
by itself, with ports around it that have the activity, slew and load of the pins in the design.
What comes out of a logic cell then changes as often as independent inputs would have it; its power
is in proportion to that, and is scaled by the changes that were seen, over those that OpenSTA took,
which its switching power tells. The same version also adds the energies of a rise and of a fall for
each change, which takes one of them; so `internal` is halved, and `internal_as_told` is not.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from ..synthesis.liberty import Library
from ..synthesis.netlist import ONE, ZERO, Instance, Module
from ..synthesis.opensta import available, version
from ..synthesis.timing import Environment, electrical
from .activity import Activity
from .internal import supply

__all__ = ["opensta_power"]

_ROW = re.compile(r"^\s*(\S+)\s+(\S+)\s+(\S+)\s+\S+\s+u(\d+)\s*$", re.MULTILINE)
_ADDS_BOTH_EDGES = "2.0."


def opensta_power(
    module: Module, library: Library, environment: Environment, activity: Activity, period: float
) -> dict[str, float | str] | None:
    """Return watts (internal, switching, leakage, total) at a clock period in ns.

    None if OpenSTA is not installed or tells nothing.
    """
    if not available():
        return None
    load, slew = electrical(module, library, environment)
    with tempfile.TemporaryDirectory(prefix="gatewright-power-") as name:
        folder = Path(name)
        used = {each.kind for each in module.instances}
        pruned = re.sub(r"default_wire_load\w*\s*:[^;\n]*;?", "", library.prune(used))
        (folder / "cells.lib").write_text(pruned)
        ports, body, script = ["clock"], [], []
        for number, each in enumerate(module.instances):
            pins = _Apart(number, each, library, activity, load, slew)
            ports += pins.inputs + pins.outputs
            body.append(pins.verilog())
            script += pins.script()
        heads = [f"  {'output' if each.startswith('o') else 'input'} {each};" for each in ports]
        (folder / "netlist.v").write_text(
            f"module apart ({', '.join(ports)});\n" + "\n".join([*heads, *body]) + "\nendmodule\n"
        )
        told = "\n".join([
            "read_liberty cells.lib", "read_verilog netlist.v", "link_design apart",
            f"create_clock -name clock -period {period / library.time_unit_ns:.9g} "
            "[get_ports clock]",
            *script,
            *(f"report_power -instances u{n} -digits 9" for n in range(len(module.instances))),
        ])  # fmt: skip
        (folder / "script.tcl").write_text(told + "\n")
        done = subprocess.run(
            ["sta", "-no_splash", "-no_init", "-exit", "script.tcl"], cwd=folder,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )
    rows = {int(n): tuple(map(float, row)) for *row, n in _ROW.findall(done.stdout)}
    if len(rows) != len(module.instances):
        return None
    total = {"internal": 0.0, "switching": 0.0, "leakage": 0.0}
    for number, each in enumerate(module.instances):
        internal, switching, leakage = rows[number]
        seen = _switching(each, library, activity, load) / period * 1e-6
        logic = library.cells[each.kind].kind == "logic"
        scale = seen / switching if logic and switching > 0 else 1.0
        total["internal"] += internal * scale
        total["switching"] += switching * scale
        total["leakage"] += leakage
    report: dict[str, float | str] = {"version": version(), **total}
    if version().startswith(_ADDS_BOTH_EDGES):
        report["internal_as_told"] = total["internal"]
        report["internal"] = total["internal"] / 2
        total["internal"] /= 2
    report["total"] = sum(total.values())
    return report


def _switching(
    instance: Instance, library: Library, activity: Activity, load: list[list[float]]
) -> float:
    """Energy that a cell's outputs switch in a cycle, in fJ, as OpenSTA counts it: of a rise."""
    volts = supply(library)
    nets = [instance.pins.get(pin.name, [-1]) for pin in library.cells[instance.kind].outputs]
    return sum(
        max(load[0][net[0]], load[1][net[0]]) * volts**2 / 2 * activity.rate(net[0])
        for net in nets if net and net[0] >= 0
    )  # fmt: skip


class _Apart:
    """A cell by itself, between ports."""

    def __init__(
        self, number: int, instance: Instance, library: Library, activity: Activity,
        load: list[list[float]], slew: list[list[float]],
    ) -> None:  # fmt: skip
        self._number, self._instance, self._library = number, instance, library
        self._activity, self._load, self._slew = activity, load, slew
        cell = library.cells[instance.kind]
        bound = {pin: bits[0] for pin, bits in instance.pins.items() if bits}
        self._in = {pin.name: bound[pin.name] for pin in cell.inputs
                    if pin.name in bound and not pin.clock}  # fmt: skip
        self._out = {pin.name: bound[pin.name] for pin in cell.outputs
                     if bound.get(pin.name, -1) >= 0}  # fmt: skip
        self._clock = [pin.name for pin in cell.inputs if pin.clock]
        self.inputs = [self._port("i", pin) for pin, net in self._in.items() if net >= 0]
        self.outputs = [self._port("o", pin) for pin in self._out]

    def _port(self, kind: str, pin: str) -> str:
        return f"{kind}{self._number}_{pin}"

    def verilog(self) -> str:
        constants = {ZERO: "1'b0", ONE: "1'b1"}
        pins = [f".{pin}({constants.get(net) or self._port('i', pin)})"
                for pin, net in self._in.items()]  # fmt: skip
        pins += [f".{pin}({self._port('o', pin)})" for pin in self._out]
        pins += [f".{pin}(clock)" for pin in self._clock]
        return f"  {self._instance.kind} u{self._number} ({', '.join(pins)});"

    def script(self) -> list[str]:
        lines = []
        unit = self._library.time_unit_ns
        for pin, net in self._in.items():
            if net >= 0:
                port = f"[get_ports {self._port('i', pin)}]"
                rate, duty = self._activity.rate(net), self._activity.duty.get(net, 0.0)
                lines.append(f"set_power_activity -input_ports {port} -activity {rate:.9g} "
                             f"-duty {min(1.0, duty):.9g}")  # fmt: skip
                for edge, flag in enumerate(("-fall", "-rise")):
                    slew = max(0.0, self._slew[edge][net]) / unit
                    lines.append(f"set_input_transition {flag} {slew:.9g} {port}")
        for pin, net in self._out.items():
            load = max(self._load[0][net], self._load[1][net]) / self._library.cap_unit_ff
            lines.append(f"set_load {load:.9g} [get_ports {self._port('o', pin)}]")
        return lines

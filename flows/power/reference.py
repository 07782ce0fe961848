"""OpenSTA's power at the activity of a simulation, to stand beside our own.

OpenSTA 2.0.17, which Debian has, takes an activity at input ports alone, and only of ports that a
clock times; at inner pins it puts what it computes as if signals were independent of each other,
and it reads neither VCD nor SAIF. So it gets each cell by itself, with ports around it that have
the activity, slew and load of the pins in the design: once with the energies of its inputs alone,
and for each output with its energies alone, those of the library and ones. The two say what a
change of that output takes in the mean, whatever OpenSTA thinks of how often it changes and of what
causes it; times the changes that were simulated this is its power. What nets take it tells for the
whole design at one change of each in a cycle, which is then taken times those that were simulated.

Of inputs it is to be known how OpenSTA counts: a Liberty table tells the energy of one change, a
rise or a fall, so that the mean of both is due for each change. Later versions take it, 2.0.17
takes the sum. It also takes an energy that hangs on no condition at half, unless it is told the
condition 1, and the two outputs of a flip-flop as independent of each other. So conditions are
written so that nothing is left to that, and a calibration cell whose energy is 1 tells the factor.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..synthesis.liberty import Library
from ..synthesis.netlist import ONE, ZERO, Instance, Module, Netlist
from ..synthesis.opensta import available, version
from ..synthesis.timing import Environment, electrical
from .activity import Activity
from .internal import Internals
from .reference_library import CALIBRATION, reference_library, variant, without_wire_loads

__all__ = ["opensta_power"]

_BATCH = 1000
"""Cells in one run of OpenSTA, whose time grows with the square of their number."""

_ROW = re.compile(r"^\s*(\S+)\s+(\S+)\s+(\S+)\s+\S+\s+(u\w*)\s*$", re.MULTILINE)


def opensta_power(
    module: Module, library: Library, environment: Environment, activity: Activity, period: float
) -> dict[str, float | str] | None:
    """Return watts (internal, switching, leakage, total) at a clock period in ns.

    None if OpenSTA is not installed or tells nothing.
    """
    if not available():
        return None
    cells = _Apart.all(module, library, environment, activity)
    clock = f"create_clock -name clock -period {period / library.time_unit_ns:.9g} "
    apart: dict[str, _Watts] = {}
    for start in range(0, len(cells), _BATCH):
        batch = cells[start : start + _BATCH]
        apart |= _asked_apart(library, batch, f"{clock}[get_ports clock]")
    flat = Module(module.name, module.ports, [
        Instance(f"u{number}", each.kind, each.pins) for number, each in enumerate(module.instances)
    ], next_net=module.next_net)  # fmt: skip
    whole = _asked(
        without_wire_loads(library.prune({each.kind for each in cells})),
        Netlist(flat.name, {flat.name: flat}).verilog(), flat.name,
        [
            f"{clock}[get_ports {environment.clock or 'clock'}]",
            # A net that is on no timed path has no clock either.
            "set_input_delay 0 -clock clock [all_inputs]",
            "set_output_delay 0 -clock clock [all_outputs]",
            f"set_load {environment.load / library.cap_unit_ff:.9g} [all_outputs]",
            "set_power_activity -global -activity 1",
        ],
    )  # fmt: skip
    names = {"u", *(copy for each in cells for copy in each.copies)}
    if not names <= apart.keys() or len(whole) < len(cells):
        return None
    # Energies are in fJ: divided by ns they are microwatts.
    unit = Internals(library).unit_fj / period * 1e-6
    factor = apart["u"].internal / unit
    inputs = sum(apart[each.base].internal for each in cells) / factor
    outputs = switching = leakage = 0.0
    for each in cells:
        leakage += whole[each.base].leakage
        for pin, (real, ones) in each.outputs.items():
            if apart[ones].internal > 0:
                mean = apart[real].internal / apart[ones].internal
                outputs += mean * unit * each.rate(pin)
        # At one change of each net in a cycle, times the changes that were simulated.
        switching += whole[each.base].switching * each.mean_rate()
    return {
        "version": version(), "energies_per_change": round(factor, 4),
        "internal": inputs + outputs, "switching": switching, "leakage": leakage,
        "total": inputs + outputs + switching + leakage,
    }  # fmt: skip


def _asked_apart(library: Library, cells: Sequence[_Apart], clock: str) -> dict[str, _Watts]:
    """Return what OpenSTA says of all copies of some cells, and of the calibration cell."""
    ports = ["clock", "calibrate", *(port for each in cells for port in each.ports)]
    heads = [f"  {'output' if each.startswith('o') else 'input'} {each};" for each in ports]
    body = [line for each in cells for line in each.verilog()]
    return _asked(
        reference_library(library, {each.kind for each in cells}),
        "\n".join([
            f"module apart ({', '.join(ports)});", *heads,
            f"  {CALIBRATION} u (.A(calibrate));", *body, "endmodule", "",
        ]),
        "apart",
        [
            clock,
            # A port that no clock times has no period, and its activity no meaning.
            "set_input_delay 0 -clock clock [get_ports {calibrate i*}]",
            "set_power_activity -input_ports [get_ports calibrate] -activity 1 -duty 0.5",
            *(line for each in cells for line in each.script()),
        ],
    )  # fmt: skip


@dataclass(frozen=True)
class _Watts:
    internal: float
    switching: float
    leakage: float


def _asked(library: str, netlist: str, top: str, script: list[str]) -> dict[str, _Watts]:
    """Return what OpenSTA says of each instance."""
    with tempfile.TemporaryDirectory(prefix="gatewright-power-") as name:
        folder = Path(name)
        (folder / "cells.lib").write_text(library)
        (folder / "netlist.v").write_text(netlist)
        (folder / "script.tcl").write_text("\n".join([
            "read_liberty cells.lib", "read_verilog netlist.v", f"link_design {top}", *script,
            "report_power -instances [get_cells *] -digits 9", "",
        ]))  # fmt: skip
        done = subprocess.run(
            ["sta", "-no_splash", "-no_init", "-exit", "script.tcl"], cwd=folder,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )
    return {
        name: _Watts(float(internal), float(switching), float(leakage))
        for internal, switching, leakage, name in _ROW.findall(done.stdout)
    }


class _Apart:
    """A cell by itself, between ports: without outputs, and with each of them."""

    def __init__(
        self, number: int, instance: Instance, library: Library, activity: Activity,
        load: list[list[float]], slew: list[list[float]],
    ) -> None:  # fmt: skip
        self._number, self._library, self.kind = number, library, instance.kind
        self._activity, self._load, self._slew = activity, load, slew
        cell = library.cells[instance.kind]
        bound = {pin: bits[0] for pin, bits in instance.pins.items() if bits}
        self._in = {pin.name: bound[pin.name] for pin in cell.inputs
                    if pin.name in bound and not pin.clock}  # fmt: skip
        self._out = {pin.name: bound[pin.name] for pin in cell.outputs
                     if bound.get(pin.name, -1) >= 0}  # fmt: skip
        self._clock = [pin.name for pin in cell.inputs if pin.clock]
        self.base = f"u{number}"
        self.outputs = {pin: (f"u{number}_{pin}", f"u{number}_{pin}__one") for pin in self._out}

    @classmethod
    def all(
        cls, module: Module, library: Library, environment: Environment, activity: Activity
    ) -> list[_Apart]:
        """Return the cells of a design."""
        load, slew = electrical(module, library, environment)
        return [cls(number, each, library, activity, load, slew)
                for number, each in enumerate(module.instances)]  # fmt: skip

    @property
    def copies(self) -> list[str]:
        """Names of the instances."""
        return [self.base, *(copy for pair in self.outputs.values() for copy in pair)]

    @property
    def ports(self) -> list[str]:
        """The ports around all copies."""
        inputs = [self._port("i", pin) for pin, net in self._in.items() if net >= 0]
        return inputs + [self._port("o", pin) for pin in self._out]

    def rate(self, pin: str) -> float:
        """Changes of an output in a cycle, as simulated."""
        return self._activity.rate(self._out[pin])

    def mean_rate(self) -> float:
        """Changes of the outputs in a cycle, each by its load."""
        loads = {pin: self._largest(net) for pin, net in self._out.items()}
        return sum(loads[pin] * self.rate(pin) for pin in loads) / (sum(loads.values()) or 1.0)

    def verilog(self) -> list[str]:
        """The copies."""
        constants = {ZERO: "1'b0", ONE: "1'b1"}
        pins = [f".{pin}({constants.get(net) or self._port('i', pin)})"
                for pin, net in self._in.items()]  # fmt: skip
        joined = ", ".join([*pins, *(f".{pin}(clock)" for pin in self._clock)])
        # What its outputs drive does not matter, but one left open counts as never 1.
        wires = [f"w_{self.base}_{pin}" for pin in self._out]
        outputs = "".join(
            f", .{pin}({wire})" for pin, wire in zip(self._out, wires, strict=True)
        )
        lines = [
            *(f"  wire {wire};" for wire in wires),
            f"  {variant(self.kind)} {self.base} ({joined}{outputs});",
        ]
        for pin, (real, ones) in self.outputs.items():
            port = self._port("o", pin)
            # What the one with ones drives does not matter.
            lines += [
                f"  {variant(self.kind, pin)} {real} ({joined}, .{pin}({port}));",
                f"  wire w_{ones};",
                f"  {variant(self.kind, pin, ones=True)} {ones} ({joined}, .{pin}(w_{ones}));",
            ]
        return lines

    def script(self) -> list[str]:
        """Activity, slew and load of the ports."""
        lines = []
        for pin, net in self._in.items():
            if net >= 0:
                port = f"[get_ports {self._port('i', pin)}]"
                rate, duty = self._activity.rate(net), self._activity.duty(net)
                lines.append(f"set_power_activity -input_ports {port} -activity {rate:.9g} "
                             f"-duty {min(1.0, duty):.9g}")  # fmt: skip
                for edge, flag in enumerate(("-fall", "-rise")):
                    slew = max(0.0, self._slew[edge][net]) / self._library.time_unit_ns
                    lines.append(f"set_input_transition {flag} {slew:.9g} {port}")
        for pin, net in self._out.items():
            load = self._largest(net) / self._library.cap_unit_ff
            lines.append(f"set_load {load:.9g} [get_ports {self._port('o', pin)}]")
        return lines

    def _largest(self, net: int) -> float:
        return max(self._load[0][net], self._load[1][net])

    def _port(self, kind: str, pin: str) -> str:
        return f"{kind}{self._number}_{pin}"

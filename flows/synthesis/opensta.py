"""Timing and power by OpenSTA, where `sta` is installed.

Old versions (Debian has 2.0.17) need care: they refuse signed ports and constant assignments of
more than one bit (our netlists have neither), report recovery checks of asynchronous pins first
(we ask for registers' data pins and ports only), and apply a library's default wire load (we take
it out).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .liberty import Library
from .timing import Environment, PathStep, Timing

__all__ = ["Power", "analyse", "available", "version"]


@dataclass(frozen=True)
class Power:
    """Power in W at the given period (ns), every input switching as OpenSTA takes by default."""

    period_ns: float
    internal: float
    switching: float
    leakage: float
    total: float

    def watts(self) -> dict[str, float]:
        """Each part of the power, and the total, in W."""
        parts = ("internal", "switching", "leakage", "total")
        return {part: float(f"{getattr(self, part):.6g}") for part in parts}


def available() -> bool:
    """Whether `sta` can be run."""
    return shutil.which("sta") is not None


def version() -> str:
    """OpenSTA's version."""
    done = subprocess.run(["sta", "-version"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def analyse(
    netlist: Path, top: str, library: Library, cells: set[str], environment: Environment,
    period: float | None, expected: float,
) -> tuple[Timing, Power] | str:  # fmt: skip
    """Time a mapped netlist and estimate its power at `period` (ns), or at its own shortest.

    `expected` (ns) is about how long the critical path takes. OpenSTA counts in single precision,
    so the clock that paths are measured against is taken only ten times slower than that.

    Returns
    -------
    tuple or str
        Timing and power; or why OpenSTA could not tell, in one line.
    """
    with tempfile.TemporaryDirectory(prefix="gatewright-sta-") as name:
        folder = Path(name)
        (folder / "cells.lib").write_text(_without_wire_loads(library.prune(cells)))
        (folder / "netlist.v").write_text(netlist.read_text())
        slow = 10 * max(expected, 0.1 * library.time_unit_ns) / library.time_unit_ns
        script = _script(top, environment, library, period, slow)
        (folder / "script.tcl").write_text(script)
        done = subprocess.run(
            ["sta", "-no_splash", "-no_init", "-exit", "script.tcl"],
            cwd=folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    output = done.stdout + done.stderr
    errors = [line for line in output.splitlines() if line.startswith("Error")]
    if done.returncode != 0 or errors or "@ done" not in output:
        last = (errors or output.strip().splitlines() or ["nothing"])[-1][:200]
        return f"exit code {done.returncode} after {last}"
    timing = _timing(output, library, slow)
    power = _power(output, library)
    if power is None:
        return "sta reported no power"
    return timing, power


def _without_wire_loads(text: str) -> str:
    return re.sub(r"default_wire_load\w*\s*:[^;\n]*;?", "", text)


def _script(
    top: str, environment: Environment, library: Library, period: float | None, slow: float
) -> str:
    # Times are in the library's unit of time, loads in its unit of capacitance.
    wanted = "" if period is None else f"{period / library.time_unit_ns:.9g}"
    clock = environment.clock or ""
    port = f"[get_ports {{{clock}}}]" if clock else ""
    ideal = " ".join(sorted(environment.ideal))
    return f"""read_liberty cells.lib
read_verilog netlist.v
link_design {top}
set inputs {{}}
set ideal {{}}
foreach port [all_inputs] {{
  set name [get_property $port full_name]
  set base [lindex [split $name {{[}}] 0]
  if {{$name eq "{clock}"}} continue
  if {{[lsearch {{{ideal}}} $base] >= 0}} {{ lappend ideal $port }} else {{ lappend inputs $port }}
}}
proc constrain {{period}} {{
  global inputs ideal
  create_clock -name clock -period $period {port}
  if {{[llength $inputs]}} {{
    set_driving_cell -lib_cell {environment.driving_cell} $inputs
    set_input_delay 0 -clock clock $inputs
  }}
  set_output_delay 0 -clock clock [all_outputs]
  set_load {environment.load / library.cap_unit_ff:.9g} [all_outputs]
  if {{[llength $ideal]}} {{ set_false_path -from $ideal }}
}}
constrain {slow:.9g}
set clocks [all_registers -clock_pins]
set data [all_registers -data_pins]
set longest 0
foreach {{group from to}} [list reg_to_reg $clocks $data in_to_reg $inputs $data \\
    reg_to_out $clocks [all_outputs] in_to_out $inputs [all_outputs]] {{
  if {{![llength $from] || ![llength $to]}} continue
  puts "@ group $group"
  report_checks -from $from -to $to -digits 9 -format full
}}
puts "@ end"
foreach path [find_timing_paths -from [concat $clocks $inputs]] {{
  set delay [expr {{{slow:.9g} - [get_property $path slack]}}]
  if {{$delay > $longest}} {{ set longest $delay }}
}}
set period {{{wanted}}}
if {{$period eq ""}} {{ set period $longest }}
if {{$period <= 0}} {{ set period 1 }}
constrain $period
puts "@ power $period"
report_power -digits 9
puts "@ done"
"""


def _timing(output: str, library: Library, slow: float) -> Timing:
    groups: dict[str, float] = {}
    worst: tuple[float, tuple[PathStep, ...]] = (float("-inf"), ())
    for name, text in re.findall(r"@ group (\w+)\n(.*?)(?=\n@ )", output, re.DOTALL):
        slack = re.search(r"([-\d.]+)\s+slack", text)
        if slack is None:
            continue
        arrival = re.search(r"([-\d.]+)\s+data arrival time", text)
        setup = re.search(r"([-\d.]+)\s+[-\d.]+\s+library setup time", text)
        if arrival is not None:
            delay = float(arrival[1]) - (float(setup[1]) if setup else 0.0)
        else:
            delay = slow - float(slack[1])
        delay *= library.time_unit_ns
        groups[name] = delay
        # After the arrival of the data come the lines of the capturing clock edge.
        until = text.split("data arrival time")[0]
        steps = re.findall(r"([-\d.]+) [v^] (\S+) \((\S+)\)", until)
        path = tuple(PathStep(point, cell, float(t) * library.time_unit_ns)
                     for t, point, cell in steps)  # fmt: skip
        if delay > worst[0]:
            worst = (delay, path)
    return Timing(groups, worst[1], f"opensta {version()}")


def _power(output: str, library: Library) -> Power | None:
    period = re.search(r"@ power ([-+.\deE]+)", output)
    total = re.search(r"^Total\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)", output, re.MULTILINE)
    if period is None or total is None:
        return None
    internal, switching, leakage, everything = (float(value) for value in total.groups())
    return Power(float(period[1]) * library.time_unit_ns, internal, switching, leakage, everything)

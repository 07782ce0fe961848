"""OpenSTA: how it counts energies, shown on cells with round numbers, and that we agree with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gatewright.flows.power import measure
from gatewright.flows.power.activity import Activity
from gatewright.flows.power.energy import energy_per_cycle
from gatewright.flows.power.mapped import read_mapped
from gatewright.flows.power.reference import opensta_power
from gatewright.flows.synthesis.liberty import Library
from gatewright.flows.synthesis.timing import Environment
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.registry import find

LIBRARIES = Path(os.environ.get("GATEWRIGHT_LIBERTY", Path(__file__).parents[4]
                                / "shared" / "liberty"))  # fmt: skip

pytestmark = pytest.mark.skipif(shutil.which("sta") is None, reason="sta is not installed")

HEAD = """library(round) { delay_model : table_lookup;
  time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1mA"; leakage_power_unit : "1nW";
  pulling_resistance_unit : "1kohm"; capacitive_load_unit(1, pf);
  nom_voltage : 1.0; nom_temperature : 25; nom_process : 1;
  operating_conditions(typ) { process : 1; temperature : 25; voltage : 1.0; }
  default_operating_conditions : typ;
  slew_lower_threshold_pct_rise : 20; slew_upper_threshold_pct_rise : 80;
  slew_lower_threshold_pct_fall : 20; slew_upper_threshold_pct_fall : 80;
  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;
"""
TABLES = """cell_rise(scalar) { values("0.1"); } cell_fall(scalar) { values("0.1"); }
  rise_transition(scalar) { values("0.1"); } fall_transition(scalar) { values("0.1"); }"""


SETUP = """timing() { related_pin : "CK"; timing_type : setup_rising;
  rise_constraint(scalar) { values("0.1"); } fall_constraint(scalar) { values("0.1"); } }"""


def arc(source: str, sense: str) -> str:
    return f'timing() {{ related_pin : "{source}"; {sense} {TABLES} }}'


def group(rise: float, fall: float, more: str = "") -> str:
    """Energies in pJ."""
    return (f'internal_power() {{ {more} rise_power(scalar) {{ values("{rise}"); }} '
            f'fall_power(scalar) {{ values("{fall}"); }} }}')  # fmt: skip


def pin(name: str, more: str = "") -> str:
    return f"pin({name}) {{ direction : input; capacitance : 0.001; {more} }}"


def inverter(at_input: str, at_output: str) -> str:
    return f"""cell(INV) {{ area : 1; {pin("A", at_input)}
      pin(Y) {{ direction : output; function : "(!A)";
        {arc("A", "timing_sense : negative_unate;")} {at_output} }} }}"""


@pytest.mark.parametrize(("at_input", "at_output", "per_change"), [
    ("", group(3, 5, 'related_pin : "A";'), 8), ("", group(3, 5, 'related_pin:"A"; when:"1";'), 8),
    (group(3, 5, 'when : "1";'), "", 8), (group(3, 5, 'when : "A";'), "", 8 * 0.25),
    # What hangs on no condition counts half: this alone comes out as it should.
    (group(3, 5), "", 4),
])  # fmt: skip
def test_opensta_2_0_adds_the_energies_of_rise_and_fall_for_each_change(
    tmp_path: Path, at_input: str, at_output: str, per_change: float
) -> None:
    """At a quarter of a change per clock of 4 ns and a duty of a quarter.

    That the activity is of changes, and not of pairs of them, its switching power shows: C V^2 / 2
    for each.
    """
    (tmp_path / "c.lib").write_text(f"{HEAD} {inverter(at_input, at_output)} }}")
    (tmp_path / "n.v").write_text(
        "module t(c, a, y); input c, a; output y; INV u(.A(a), .Y(y)); endmodule\n"
    )
    (tmp_path / "s.tcl").write_text("""read_liberty c.lib\nread_verilog n.v\nlink_design t
create_clock -name c -period 4 [get_ports c]\nset_input_delay 0 -clock c [get_ports a]
set_load 0.002 [get_ports y]\nset_input_transition 0.1 [get_ports a]
set_power_activity -input_ports [get_ports a] -activity 0.25 -duty 0.25
report_power -instances [get_cells u] -digits 9\n""")
    done = subprocess.run(
        ["sta", "-no_splash", "-no_init", "-exit", "s.tcl"], cwd=tmp_path, check=True,
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    found = re.search(r"^\s*(\S+)\s+(\S+)\s+\S+\s+\S+\s+u\s*$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout + done.stderr
    changes = 0.25 / 4e-9
    assert float(found[2]) == pytest.approx(changes * 2e-15 / 2, rel=1e-5)
    version = subprocess.run(["sta", "-version"], capture_output=True, text=True, check=True)
    if version.stdout.startswith("2.0."):
        assert float(found[1]) == pytest.approx(changes * per_change * 1e-12, rel=1e-5)


def test_its_power_is_that_of_the_tables(tmp_path: Path) -> None:
    """By hand: each change takes the mean of rise and fall, of the causes by their share."""
    (tmp_path / "c.lib").write_text(HEAD + f"""
      {inverter(group(0.1, 0.3), group(3, 5, 'related_pin : "A";'))}
      cell(AND) {{ area : 2; {pin("A")} {pin("B")}
        pin(Y) {{ direction : output; function : "(A & B)";
          {arc("A", "timing_sense : positive_unate;")} {arc("B", "timing_sense : positive_unate;")}
          {group(1, 1, 'related_pin : "A";')} {group(2, 4, 'related_pin : "B";')} }} }}
      cell(FF) {{ area : 5; ff(IQ, IQN) {{ clocked_on : "CK"; next_state : "D"; }}
        pin(CK) {{ direction : input; clock : true; capacitance : 0.001;
          {group(2, 2, 'when : "!D & !Q & QN";')} {group(4, 6, 'when : "!D & Q & !QN";')}
          {group(2, 2, 'when : "D & !Q & QN";')} {group(4, 6, 'when : "D & Q & !QN";')} }}
        {pin("D", SETUP)}
        pin(Q) {{ direction : output; function : "IQ";
          {arc("CK", "timing_type : rising_edge;")} {group(7, 9, 'related_pin : "CK";')} }}
        pin(QN) {{ direction : output; function : "IQN";
          {arc("CK", "timing_type : rising_edge;")} }} }} }}""")  # fmt: skip
    (tmp_path / "n.v").write_text("""module t (clk, a, b, q);
  input clk;
  input a;
  input b;
  output q;
  wire x;
  wire y;
  AND g1 (.A(a), .B(b), .Y(x));
  INV g2 (.A(x), .Y(y));
  FF g3 (.CK(clk), .D(y), .Q(q));
endmodule
""")
    library = Library(tmp_path / "c.lib")
    flat = read_mapped(tmp_path / "n.v", "t").flatten()
    nets = {name: bits[0] for name, (_, bits) in flat.ports.items()}
    pins = {each.kind: each.pins for each in flat.instances}
    nets |= {"x": pins["AND"]["Y"][0], "y": pins["INV"]["Y"][0]}
    toggles = {"clk": 200, "a": 30, "b": 10, "x": 40, "y": 40, "q": 40}
    duty = {"clk": 50, "a": 40, "b": 50, "x": 60, "y": 40, "q": 40}
    activity = Activity({nets[n]: v for n, v in toggles.items()},
                        {nets[n]: v for n, v in duty.items()}, 100, 100)  # fmt: skip
    environment = Environment("clk", frozenset(), "INV", 1.0)
    # Per cycle in pJ: A's changes come through while B is 1, which is half of the time.
    by_a, by_b = 0.3 * 0.5, 0.1 * 0.4
    both = 0.4 * (by_a * 1 + by_b * 3) / (by_a + by_b)
    inverting = 0.4 * 4 + 0.4 * 0.2
    flop = 2 * (0.6 * 2 + 0.4 * 5) + 0.4 * 8
    switching = 1e-3 * (0.4 * 1 + 0.4 * 1 + 0.4 * 1) / 2
    ours = energy_per_cycle(flat, library, environment, activity)
    assert ours.internal == pytest.approx(1e3 * (both + inverting + flop), rel=1e-6)
    assert ours.switching == pytest.approx(1e3 * switching, rel=1e-6)
    theirs = opensta_power(flat, library, environment, activity, 2.0)
    assert theirs is not None
    assert theirs["internal"] == pytest.approx((both + inverting + flop) * 1e-12 / 2e-9, rel=1e-5)
    assert theirs["switching"] == pytest.approx(switching * 1e-12 / 2e-9, rel=1e-5)
    assert theirs["energies_per_change"] in (1, 2)


SMALL = {
    "modred": ("modulus=251", "architecture=restoring", "technology=asic"),
    "flint": ("rows=4", "cols=4", "max_k=16"),
    "tpe": ("rows=2", "cols=2"),
    "salo": ("rows=2", "cols=2", "dk_max=4", "dv_max=4", "max_tokens=8", "program_words=128"),
}


@pytest.mark.soak
@pytest.mark.parametrize(("name", "cells"), [
    *((name, "nangate45_typ") for name in SMALL), ("modred", "sky130hd_tt"),
    ("modred", "sg13g2_tt"),
])  # fmt: skip
def test_power_agrees_with_opensta_on_the_same_activity(
    tmp_path: Path, name: str, cells: str
) -> None:
    path = LIBRARIES / f"{cells}.lib.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    generator = find(name)
    config = load_config(generator.config(), None, SMALL[name])
    build = build_design(generator, config, tmp_path / "build")
    report = measure(build, target=f"liberty:{path}", frequency=500.0)
    ours: dict[str, Any] = report["power"]
    assert report["power_period_ns"] == 2 and report["opensta"] is not None
    for part, within in (("total", 0.1), ("internal", 0.1), ("switching", 0.1), ("leakage", 0.01)):
        assert ours[part] == pytest.approx(report["opensta"][part], rel=within), part

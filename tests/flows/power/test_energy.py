"""Energy: netlists read back, gates that compute what they should, and sums done by hand."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gatewright.errors import InputError
from gatewright.flows.power import measure
from gatewright.flows.power.activity import Activity, read_activity
from gatewright.flows.power.energy import energy_per_cycle
from gatewright.flows.power.gate_level import simulatable
from gatewright.flows.power.internal import Internals, supply
from gatewright.flows.power.mapped import read_mapped
from gatewright.flows.synthesis.liberty import Library
from gatewright.flows.synthesis.targets import parse
from gatewright.flows.synthesis.timing import Environment
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.registry import find

MAPPED = """module part (x, y);
  input [1:0] x;
  output y;
  wire n4;
  NAND2_X1 g1 (.A(x[1]), .B(x[0]), .Y(n4));
  INV_X1 g2 (.A(n4), .Y(y));
endmodule

module top (clk, a, b, q, same);
  input clk;
  input a;
  input b;
  output q;
  output same;
  wire n1;
  assign same = q;
  part p (.x({b, a}), .y(n1));
  DFF_X1 f (.CK(clk), .D(n1), .Q(q));
endmodule
"""
NANGATE = Path(__file__).parents[4] / "shared" / "liberty" / "nangate45_typ.lib.gz"


def library() -> Library:
    path = parse("ge").liberty
    assert path is not None
    return Library(path)


def written(tmp_path: Path) -> Path:
    path = tmp_path / "top.mapped.v"
    path.write_text(MAPPED)
    return path


def test_a_mapped_netlist_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    netlist = read_mapped(written(tmp_path), "top")
    again = tmp_path / "again.v"
    again.write_text(netlist.verilog())
    assert read_mapped(again, "top").verilog() == netlist.verilog()
    flat = netlist.flatten()
    assert sorted(each.kind for each in flat.instances) == ["DFF_X1", "INV_X1", "NAND2_X1"]
    assert flat.ports["q"][1] == flat.ports["same"][1]
    with pytest.raises(InputError, match="must hold the module other, not part, top"):
        read_mapped(again, "other")


def test_gates_are_written_with_the_functions_of_their_cells(tmp_path: Path) -> None:
    text = simulatable(read_mapped(written(tmp_path), "top").flatten(), library(), "clk")
    assert "always @(posedge net_" in text and text.count("module ") == 1
    nand = next(line for line in text.splitlines() if "&" in line)
    assert "~(" in nand


DUMP = """$scope module top $end
$var wire 1 c clk $end
$var wire 1 a net_1 $end
$scope module again $end
$var wire 1 d clk $end
$var wire 1 a net_2 $end
$upscope $end
$enddefinitions $end
#0
0c
0d
1a
#5
1c
1d
#10
0c
0d
0a
#15
1c
1d
1a
#20
0c
0d
"""


def test_activity_is_counted_once_whatever_a_net_is_called() -> None:
    activity = read_activity(DUMP.splitlines(keepends=True), "clk")
    assert activity.cycles == 2
    assert activity.toggles == {1: 2, 2: 2} and activity.rate(1) == 1
    assert activity.duty[1] == pytest.approx(15 / 20)
    with pytest.raises(InputError, match="clock that runs"):
        read_activity(["$enddefinitions $end\n", "#0\n"], "clk")


def test_the_built_in_technology_has_relative_energies() -> None:
    """An inverter's own energy is half its parasitic capacitance, which is its input's."""
    internals = Internals(library())
    assert supply(library()) == 1 and not internals.known
    (inverter,) = internals.of("INV_X1")["Y"]
    assert inverter.energy((0, 0), (0, 0)) == pytest.approx(0.5, abs=1e-3)
    (wide,) = internals.of("INV_X4")["Y"]
    assert wide.energy((0, 0), (9, 9)) == pytest.approx(2, abs=1e-3)
    # BUF_X4: diffusion of 6 columns, and the second stage's 4 gates.
    (buffer,) = internals.of("BUF_X4")["Y"]
    assert buffer.energy((0, 0), (0, 0)) == pytest.approx(5, abs=2e-3)
    flop = internals.of("DFF_X1")
    assert flop["CK"][0].energy((0, 0), (0, 0)) == 3.5


def test_energy_adds_up_by_hand(tmp_path: Path) -> None:
    flat = read_mapped(written(tmp_path), "top").flatten()
    cells = library()
    environment = Environment("clk", frozenset(), "BUF_X1", 1.0)
    nets = {each.kind: each.pins for each in flat.instances}
    clock, nand = nets["DFF_X1"]["CK"][0], nets["NAND2_X1"]["Y"][0]
    data, q = nets["INV_X1"]["Y"][0], nets["DFF_X1"]["Q"][0]
    a = nets["NAND2_X1"]["A"][0]
    rates = {clock: 20, nand: 5, data: 5, q: 4, a: 6}
    activity = Activity(rates, dict.fromkeys(rates, 0.5), 10)
    found = energy_per_cycle(flat, cells, environment, activity)
    # Loads: the inverter's input 1, the flop's D 2, and both output ports on q, 1 each.
    assert found.switching == pytest.approx((5 * 1 + 5 * 2 + 4 * 2) / 10 / 2)
    # A NAND2 has two columns, an inverter one; the flop's 13 and its 10 inner gates less clock.
    internal = (5 * 2 + 5 * 1 + 4 * (13 + 10 - 7) + 20 * 7) / 10 / 2
    assert found.internal == pytest.approx(internal, rel=1e-3)
    assert found.inputs == pytest.approx((20 * 1 + 6 * 4 / 3) / 10 / 2, rel=1e-3)
    assert sum(found.modules.values()) == pytest.approx(found.dynamic)
    double = Activity({net: 2 * n for net, n in rates.items()}, activity.duty, 10)
    twice = energy_per_cycle(flat, cells, environment, double)
    assert twice.dynamic == pytest.approx(2 * found.dynamic)


def _measured(tmp_path: Path, target: str) -> dict[str, Any]:
    generator = find("modred")
    config = load_config(
        generator.config(), None, ["modulus=251", "architecture=restoring", "technology=asic"]
    )
    return measure(build_design(generator, config, tmp_path / "build"), target=target)


@pytest.mark.soak
def test_the_gates_pass_the_testbench_and_tell_energy_in_any_technology(tmp_path: Path) -> None:
    report = _measured(tmp_path, "ge")
    written = json.loads((tmp_path / "build" / "energy-ge" / "report.json").read_text())
    assert written == report and report["power"] is None
    assert report["energy_per_operation"] > report["energy"] > 0


@pytest.mark.soak
def test_power_agrees_with_opensta_on_the_same_activity(tmp_path: Path) -> None:
    path = Path(os.environ.get("GATEWRIGHT_LIBERTY", NANGATE))
    if not path.exists():
        pytest.skip("no Liberty library with internal energies")
    report = _measured(tmp_path, f"liberty:{path}")
    if report["opensta"] is None:
        pytest.skip("sta is not installed")
    ours, theirs = report["power"], report["opensta"]
    assert isinstance(ours, dict) and isinstance(theirs, dict)
    for part, within in (("total", 0.1), ("switching", 0.1), ("leakage", 0.01)):
        assert ours[part] == pytest.approx(theirs[part], rel=within), part


def test_liberty_energies_are_read_with_their_units(tmp_path: Path) -> None:
    values = ", ".join(map(str, range(4)))
    text = f"""library(x) {{ time_unit : "1ns"; voltage_unit : "1V"; nom_voltage : 1.2;
      capacitive_load_unit(1, pf);
      power_lut_template(p) {{ variable_1 : total_output_net_capacitance;
        variable_2 : input_transition_time; index_1("0, 0.001"); index_2("0, 1"); }}
      cell(G) {{ area : 1; pin(A) {{ direction : input; capacitance : 0.002; }}
        pin(B) {{ direction : input; capacitance : 0.002; }}
        pin(Y) {{ direction : output; function : "(A & B)";
          internal_power() {{ related_pin : "A B"; when : "A";
            rise_power(p) {{ values("{values}"); }} fall_power(scalar) {{ values("6"); }} }} }}
      }} }}"""
    path = tmp_path / "x.lib"
    path.write_text(text)
    found = Internals(Library(path)).of("G")["Y"]
    assert [each.related for each in found] == ["A", "B"] and found[0].when == "A"
    # In pF V^2, here fJ: at no load and a slew of 1 ns the second value; then the third.
    for (load, slew), value in zip(
        itertools.product((0.0, 1.0), (0.0, 1.0)), (0, 1, 2, 3), strict=True
    ):
        assert found[0].energy((slew, slew), (load, load)) == pytest.approx(
            (value * 1000 + 6000) / 2
        )

"""Energy: netlists read back, gates that compute what they should, and sums done by hand."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import pytest

from gatewright.errors import CheckFailed, InputError
from gatewright.flows.power import Work, measure
from gatewright.flows.power.activity import Activity
from gatewright.flows.power.energy import energy_per_cycle
from gatewright.flows.power.gate_level import net_labels, simulatable
from gatewright.flows.power.internal import Internals, supply, with_defaults_told
from gatewright.flows.power.likelihood import Likelihood
from gatewright.flows.power.mapped import read_mapped
from gatewright.flows.synthesis.liberty import Library
from gatewright.flows.synthesis.targets import parse
from gatewright.flows.synthesis.timing import Environment
from gatewright.generators.artifacts import Build
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
    assert {"clk", "a", "b", "q"} < set(net_labels(flat).values())
    with pytest.raises(InputError, match="must hold the module other, not part, top"):
        read_mapped(again, "other")


def test_gates_are_written_with_the_functions_of_their_cells(tmp_path: Path) -> None:
    text = simulatable(read_mapped(written(tmp_path), "top").flatten(), library())
    assert "always @(posedge net_" in text and text.count("module ") == 1
    nand = next(line for line in text.splitlines() if "&" in line)
    assert "~(" in nand


@pytest.mark.parametrize(("cell", "pin", "energies"), [
    ("INV_X1", "Y", {1 / 2}), ("INV_X4", "Y", {4 / 2}), ("NAND2_X1", "Y", {2 / 2}),
    ("NOR3_X2", "Y", {6 / 2}),
    # A buffer's inner node: diffusion 2 of its first stage and the gate 4 of the second.
    ("BUF_X4", "Y", {(2 + 4 + 4) / 2}), ("AND2_X1", "Y", {(2 + 1 + 1) / 2}),
    # The inner NOR2: its diffusion 2 and the AOI21's gate 5/3.
    ("XOR2_X1", "Y", {7 / 3 / 2, (7 / 3 + 2 + 5 / 3) / 2}),
    ("MUX2_X1", "S", {3 / 2}), ("FA_X1", "CO", {8 / 2}), ("FA_X1", "S", {7 / 2}),
    ("DFF_X1", "CK", {7 / 2}), ("DFF_X1", "Q", {15 / 2}), ("DFFE_X1", "E", {3 / 2}),
])  # fmt: skip
def test_the_built_in_technology_has_relative_energies(
    cell: str, pin: str, energies: set[float]
) -> None:
    found = {each.energy((0, 0), (9, 9)) for each in Internals(library()).of(cell)[pin]}
    assert sorted(found) == pytest.approx(sorted(energies))


def test_every_cell_of_the_built_in_technology_has_energies() -> None:
    cells = library()
    internals = Internals(cells)
    assert internals.known and supply(cells) == 1
    for cell in cells.cells.values():
        found = internals.of(cell.name)
        assert {pin.name for pin in cell.outputs} <= found.keys() <= cell.pins.keys()
        assert all(each.energy((0, 0), (0, 0)) > 0 for groups in found.values() for each in groups)


def test_energy_adds_up_by_hand(tmp_path: Path) -> None:
    flat = read_mapped(written(tmp_path), "top").flatten()
    cells = library()
    environment = Environment("clk", frozenset(), "BUF_X1", 1.0)
    nets = {each.kind: each.pins for each in flat.instances}
    clock, nand = nets["DFF_X1"]["CK"][0], nets["NAND2_X1"]["Y"][0]
    data, q = nets["INV_X1"]["Y"][0], nets["DFF_X1"]["Q"][0]
    a = nets["NAND2_X1"]["A"][0]
    rates = {clock: 20, nand: 5, data: 5, q: 4, a: 6}
    activity = Activity(rates, dict.fromkeys(rates, 50), 100, 10)
    found = energy_per_cycle(flat, cells, environment, activity)
    # Loads: the inverter's input 1, the flop's D 2, and both output ports on q, 1 each.
    assert found.switching == pytest.approx((5 * 1 + 5 * 2 + 4 * 2) / 10 / 2)
    # Diffusion of a NAND2 is 2, of an inverter 1; the flop has 15 with its state, 7 with the clock.
    internal = (5 * 2 + 5 * 1 + 4 * 15 + 20 * 7) / 10 / 2
    assert found.internal == pytest.approx(internal)
    assert found.inputs == pytest.approx((20 * 1 + 6 * 4 / 3) / 10 / 2, rel=1e-3)
    assert found.instances.keys() == {"", "p"}
    assert sum(found.instances.values()) == pytest.approx(found.dynamic)
    double = Activity({net: 2 * n for net, n in rates.items()}, activity.high, 100, 10)
    twice = energy_per_cycle(flat, cells, environment, double)
    assert twice.dynamic == pytest.approx(2 * found.dynamic)


def test_causes_count_by_the_changes_that_come_through() -> None:
    """Of an AND whose input A is 1 for 90 % of the time, B's changes come through, A's do not."""
    cells = library()
    activity = Activity({0: 10, 1: 10}, {0: 90, 1: 10}, 100, 10)
    likely, nets = Likelihood(activity), {"A": 0, "B": 1, "Y": 2}
    cell = cells.cells["AND2_X1"]
    assert likely.passes(cell, nets, "A", "Y") == pytest.approx(0.1)
    assert likely.passes(cell, nets, "B", "Y") == pytest.approx(0.9)
    assert likely.condition(cell, nets, "A & !B") == pytest.approx(0.81)
    # Its own output is no further chance: it is A and B.
    assert likely.condition(cell, nets, "Y & A") == pytest.approx(0.09)
    assert likely.condition(cell, nets, None) == 1


def test_a_condition_and_a_change_that_comes_through_are_one_chance() -> None:
    cells = library()
    activity = Activity({0: 10, 1: 10, 2: 10}, {0: 90, 1: 10, 2: 50}, 100, 10)
    likely, nets = Likelihood(activity), {"A": 0, "B": 1, "C": 2, "Y": 3}
    cell = cells.cells["AOI21_X1"]
    # C comes through unless A and B are both 1.
    assert likely.passes(cell, nets, "C", "Y") == pytest.approx(1 - 0.9 * 0.1)
    assert likely.passes(cell, nets, "C", "Y", "A") == pytest.approx(0.9 * 0.9)
    assert likely.passes(cell, nets, "C", "Y", "A & B") == 0
    assert likely.passes(cell, nets, "C", "Y", "C & A") == pytest.approx(0.9 * 0.9 * 0.5)


@pytest.mark.parametrize(("rate", "high", "told"), [
    (4, 50, {"D & Q": 0.3, "D & !Q": 0.2, "!D & Q": 0.2, "!D & !Q": 0.3}),
    (0, 50, {"D & Q": 0.5, "D & !Q": 0.0, "!D & !Q": 0.5, "D & CK": 0.25}),
    # Never 1 at once if both are 1 in a fifth of the time, and the bit changes in two fifths.
    (4, 20, {"D & Q": 0.0, "D & !Q": 0.2, "!D & !Q": 0.6}),
])  # fmt: skip
def test_a_bit_and_its_next_value_differ_as_often_as_it_changes(
    rate: int, high: int, told: dict[str, float]
) -> None:
    cells = library()
    # 10 cycles in a time of 100: clock, data, bit.
    activity = Activity({0: 20, 1: rate, 2: rate}, {0: 50, 1: high, 2: high}, 100, 10)
    likely = Likelihood(activity)
    for when, chance in told.items():
        found = likely.condition(cells.cells["DFF_X1"], {"CK": 0, "D": 1, "Q": 2}, when)
        assert found == pytest.approx(chance), when


def test_what_is_told_without_a_condition_is_of_the_other_states() -> None:
    text = """cell(G) {
      pin(A) { direction : input; internal_power() { when : "B & C"; rise_power(scalar) {} }
        internal_power() { when : "!B"; rise_power(scalar) {} }
        internal_power() { rise_power(scalar) {} } }
      pin(Y) { internal_power() { related_pin : "A"; rise_power(scalar) {} }
        internal_power() { related_pin : "B"; when : "A"; rise_power(scalar) {} } } }"""
    told = with_defaults_told(text)
    assert 'internal_power() { when : "!((B & C) | (!B))"; rise_power' in told
    # Of Y there is one energy by A, and another by B.
    assert told.replace(' when : "!((B & C) | (!B))";', "", 1) == text


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
    path.write_text(text.replace("internal_power", "other_power"))
    assert not Internals(Library(path)).known and not Internals(Library(path)).of("G")


def _build(folder: Path) -> Build:
    generator = find("modred")
    config = load_config(
        generator.config(), None, ["modulus=251", "architecture=restoring", "technology=asic"]
    )
    return build_design(generator, config, folder)


@pytest.mark.soak
def test_gates_work_as_testbench_dump_and_files_of_activity_tell(tmp_path: Path) -> None:
    build = _build(tmp_path / "build")
    folder = build.folder / "energy-ge"
    report = measure(build, keep_dump=True, work=Work(seed=3))
    assert json.loads((folder / "report.json").read_text()) == report
    assert report["power"] is None and report["energy_per_operation"] > report["energy"] > 0
    modules = report["energy_by_module"]
    assert sum(each["energy"] for each in modules.values()) == pytest.approx(
        report["energy"], rel=1e-4
    )
    dump, saif = folder / "activity.vcd", folder / "activity.saif"
    shutil.copy(saif, tmp_path / "own.saif")
    dump.rename(tmp_path / "own.vcd")
    figures = ("energy", "energy_switching", "energy_internal", "activity_cycles")
    # The same activity from files; the ports of the dump once more through the gates.
    for work in (Work(activity=tmp_path / "own.saif"), Work(activity=tmp_path / "own.vcd")):
        again = measure(build, work=work, out=tmp_path / "again")
        assert [again[name] for name in figures] == [report[name] for name in figures]
        assert again["energy_per_operation"] is None
    once_more = measure(build, work=Work(dump=tmp_path / "own.vcd"), out=tmp_path / "replay")
    assert once_more["energy"] == pytest.approx(report["energy"], rel=0.01)
    assert once_more["operations"] == pytest.approx(report["operations"], abs=4)


@pytest.mark.soak
def test_a_dump_of_the_hardware_is_replayed_and_checked(tmp_path: Path) -> None:
    from gatewright.flows.simulation.simulate import simulate

    build = _build(tmp_path / "build")
    simulate(build, seed=5, waves=True, out=tmp_path / "rtl")
    dump = tmp_path / "rtl" / "waves.vcd"
    report = measure(build, work=Work(dump=dump), out=tmp_path / "replay")
    assert report["energy"] > 0 and report["operations"] > 100
    same = measure(build, work=Work(seed=5), out=tmp_path / "bench")
    assert report["energy"] == pytest.approx(same["energy"], rel=0.02)
    # A dump of another design's outputs is found out.
    lines, flipped = dump.read_text().splitlines(keepends=True), False
    (valid,) = [each.valid for each in build.manifest.streams if each.direction == "out"]
    code = next(each.split()[3] for each in lines if f" {valid} " in each)
    for at in range(len(lines) - 1, 0, -1):
        if lines[at] == f"1{code}\n" and not flipped:
            lines[at], flipped = f"0{code}\n", True
    dump.write_text("".join(lines))
    with pytest.raises(CheckFailed, match=f"{valid} must be"):
        measure(build, work=Work(dump=dump), out=tmp_path / "wrong")


def test_what_cannot_be_measured_is_told(tmp_path: Path) -> None:
    build = _build(tmp_path / "build")
    with pytest.raises(InputError, match="--replay and --activity"):
        Work(dump=Path("x"), activity=Path("y"))
    with pytest.raises(InputError, match="target must be ge or liberty:FILE"):
        measure(build, target="ecp5-25k")
    with pytest.raises(InputError, match="frequency must be above 0"):
        measure(build, frequency=-1.0)

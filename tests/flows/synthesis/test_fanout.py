"""Trees of buffers: what they drive, what they cost, and that they change no function."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewright.flows.synthesis import synthesize
from gatewright.flows.synthesis.fanout import Fanout
from gatewright.flows.synthesis.liberty import Library
from gatewright.flows.synthesis.netlist import Instance, Module, Netlist
from gatewright.flows.synthesis.timing import Environment, analyse
from gatewright.generators.artifacts import Build

from .conftest import MakeBuild
from .test_standard_cells import GE, prove_equal

BANK = """
module bank(input clk, input rst, input load, input [31:0] d, output reg [31:0] q);
  always @(posedge clk) if (rst) q <= 0; else if (load) q <= d;
endmodule
module wide(input clk, input rst, input a, input b, input [31:0] d, output [127:0] q);
  wire load = a ^ b;
  bank bank_0(.clk(clk), .rst(rst), .load(load), .d(d), .q(q[31:0]));
  bank bank_1(.clk(clk), .rst(rst), .load(load), .d(~d), .q(q[63:32]));
  bank bank_2(.clk(clk), .rst(rst), .load(load), .d(q[31:0]), .q(q[95:64]));
  bank bank_3(.clk(clk), .rst(rst), .load(load), .d(q[63:32]), .q(q[127:96]));
endmodule
"""


@pytest.fixture
def wide(make_build: MakeBuild) -> Build:
    """Four banks of 32 registers, all of which wait for one signal."""
    ports = [("a", "in", 1), ("b", "in", 1), ("d", "in", 32), ("q", "out", 128)]
    return make_build("wide", BANK, ports)


def test_an_enable_of_many_registers_gets_a_tree(wide: Build, tmp_path: Path) -> None:
    small = synthesize(wide, "ge", recipes=["amap"], objective="area")
    fast = synthesize(wide, "ge", recipes=["amap"], objective="delay", out=tmp_path / "fast")
    assert "fan-out" not in small["recipe"]["name"] and "fan-out" in fast["recipe"]["name"]
    # 128 loads in turn take a gate some 60 FO4; three levels of eight take some ten.
    assert fast["delay"] < small["delay"] / 3
    assert small["area"] < fast["area"] < 1.2 * small["area"]
    total = sum(m["area"] * m["instances"] for m in fast["modules"].values())
    assert total == pytest.approx(fast["area"], rel=1e-4)
    prove_equal(wide, tmp_path / "fast" / fast["netlist"], GE, 3, tmp_path)


def loads(module: Module, library: Library) -> dict[int, float]:
    found: dict[int, float] = {}
    for instance in module.instances:
        for pin, nets in instance.pins.items():
            if library.cells[instance.kind].pins[pin].direction == "input":
                load = max(library.cells[instance.kind].pins[pin].capacitance)
                found[nets[0]] = found.get(nets[0], 0.0) + load
    return found


@pytest.mark.parametrize("count", [1, 8, 13, 64, 500])
def test_no_net_has_more_than_the_limit(count: int) -> None:
    library = Library(GE)
    environment = Environment(None, frozenset({"spared"}), "BUF_X1", 1.0)
    fanout = Fanout.of(library, environment)
    # Nets: 0 for all, 1 spared, 2 an alias of 0; then one for each output.
    cells = [
        Instance(f"and_{k}", "AND2_X1", {"A": [0 if k % 2 else 2], "B": [1], "Y": [3 + k]})
        for k in range(count)
    ]
    ports = {
        "a": ("input", [0]), "spared": ("input", [1]),
        "z": ("output", [3 + k for k in range(count)]),
    }  # fmt: skip
    module = Module("top", ports, cells, aliases=[(2, 0)], next_net=3 + count)
    netlist = Netlist("top", {"top": module})
    before = analyse(netlist.flatten(), library, environment).delay
    added = fanout.insert(netlist)
    flat = netlist.flatten()
    assert added == (count > 12)
    names = [instance.name for instance in flat.instances]
    assert len(set(names)) == len(names)
    by_net = loads(flat, library)
    spared = by_net.pop(flat.ports["spared"][1][0])
    assert spared == pytest.approx(count * max(library.cells["AND2_X1"].inputs[1].capacitance))
    assert max(by_net.values()) <= fanout.limit * (1 if added else 1.5)
    if count >= 64:
        assert analyse(flat, library, environment).delay < before / 2

"""Mapping to cells: the netlist computes the same, and its figures are plausible."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gatewright.errors import CheckFailed, InputError
from gatewright.flows.synthesis import compare, frontend, opensta, synthesize, yosys
from gatewright.flows.synthesis.liberty import Library
from gatewright.flows.synthesis.logic import ideal_nets, pieces
from gatewright.flows.synthesis.netlist import read_yosys_json
from gatewright.flows.synthesis.standard_cells import driving_cell
from gatewright.flows.synthesis.timing import Environment, analyse
from gatewright.generators.artifacts import Build

GE = Path(__file__).parents[3] / "constraints" / "ge.lib"
LIBRARIES = {
    "sky130hd_tt": "sky130_fd_sc_hd__buf_2",
    "sg13g2_tt": "sg13g2_buf_2",
    "nangate45_typ": "BUF_X1",
}


def prove_equal(build: Build, mapped: Path, library: Path, steps: int, folder: Path) -> None:
    """SAT proof that a mapped netlist equals its source, from reset over `steps` cycles."""
    top = build.manifest.top
    source = yosys.quote(build.verilog[0])
    reset = "-set-at 1 in_rst 1 -prove-skip 1" if build.manifest.reset else ""
    sequence = f"-seq {steps}" if build.manifest.clock else ""
    commands = [
        f"read_verilog -sv {source}",
        f"hierarchy -top {top}",
        "proc", "flatten", "opt_clean", "memory_map", "async2sync",
        f"rename {top} gold",
        "design -stash gold",
        f"read_liberty -ignore_miss_func {yosys.quote(library)}",
        f"read_verilog {yosys.quote(mapped)}",
        f"hierarchy -top {top}",
        "proc", "flatten", "async2sync", "opt_clean",
        f"rename {top} gate",
        "design -stash gate",
        "design -copy-from gold -as gold gold",
        "design -copy-from gate -as gate gate",
        "miter -equiv -flatten gold gate miter",
        f"sat -verify -prove trigger 0 {sequence} {reset} miter",
    ]  # fmt: skip
    yosys.run(commands, folder, "prove")


@pytest.mark.one_in(2)
@pytest.mark.parametrize("flatten", [False, True])
def test_mapped_row_equals_its_source(row: Build, tmp_path: Path, flatten: bool) -> None:
    report = synthesize(row, "ge", flatten=flatten, recipes=["nodc2", "amap"])
    mapped = row.folder / "synth-ge" / report["netlist"]
    assert report["flops"] == 28
    assert set(report["cell_types"]) >= {"DFFER_X1"}
    assert sum(report["cell_types"].values()) == report["cells"]
    assert ("cell_" in report["modules"]) is not flatten
    total = sum(m["area"] * m["instances"] for m in report["modules"].values())
    assert total == pytest.approx(report["area"], rel=1e-4)
    prove_equal(row, mapped, GE, 4, tmp_path)


def test_a_wrong_netlist_is_found(row: Build, tmp_path: Path) -> None:
    report = synthesize(row, "ge", recipes=["amap"])
    mapped = row.folder / "synth-ge" / report["netlist"]
    text = mapped.read_text()
    assert "XOR2_X1" in text
    mapped.write_text(text.replace("XOR2_X1", "XNOR2_X1", 1))
    with pytest.raises(InputError, match="must pass yosys"):
        prove_equal(row, mapped, GE, 4, tmp_path)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", list(LIBRARIES))
def test_mapped_to_foundry_libraries(row: Build, tmp_path: Path, name: str) -> None:
    path = Path(f"/work/shared/liberty/{name}.lib.gz")
    if not path.is_file():
        pytest.skip(f"no library {name} on this machine")
    library = Library(path)
    assert driving_cell(library).name == LIBRARIES[name]
    report = synthesize(row, f"liberty:{path}", recipes=["amap"], objective="area")
    assert report["flops"] == 28
    assert report["timing_engine"].startswith("opensta" if shutil.which("sta") else "gatewright")
    used = tmp_path / "used.lib"
    used.write_text(library.prune(report["cell_types"]))
    mapped = row.folder / f"synth-liberty-{name}" / report["netlist"]
    prove_equal(row, mapped, used, 3, tmp_path)


def test_adder_has_the_area_and_depth_of_an_adder(adder: Build) -> None:
    small = synthesize(adder, "ge", objective="area")
    fast = synthesize(adder, "ge", objective="delay")
    # Eight full adders of two XOR2 and three NAND2 are 56 GE; a ripple of 8 takes some 8 x 2 gates
    # of 2 FO4; a prefix adder about 2 + log2(8) levels.
    assert 35 <= small["area"] <= 75
    assert 4 <= fast["delay"] <= 12 <= small["delay"] * 1.5
    assert small["area"] <= fast["area"]
    assert fast["delay"] <= small["delay"]
    assert small["flops"] == 0
    assert list(small["paths"]) == ["in_to_out"]
    areas = [point["area"] for point in small["pareto"]]
    delays = [point["delay"] for point in small["pareto"]]
    assert areas == sorted(areas)
    assert delays == sorted(delays, reverse=True)
    assert small["area"] == pytest.approx(areas[0], rel=1e-3)


@pytest.mark.thorough
def test_multiplier_equals_its_source(multiplier: Build, tmp_path: Path) -> None:
    report = synthesize(multiplier, "ge", recipes="fast")
    # Six by six: 36 partial product bits of 1.3 GE and some 24 full adders of 5 to 7 GE.
    assert 120 <= report["area"] <= 330
    assert {point["front"] for point in report["pareto"]} <= set(report["fronts"])
    assert set(report["fronts"]) <= set(frontend.FRONTS)
    assert min(each["area"] for each in report["fronts"].values()) == report["pareto"][0]["area"]
    prove_equal(multiplier, multiplier.folder / "synth-ge" / report["netlist"], GE, 1, tmp_path)


def test_missed_period_fails_after_the_report(row: Build) -> None:
    with pytest.raises(CheckFailed, match=r"row misses its period of 1 FO4 on ge"):
        synthesize(row, "ge", period=1.0, recipes=["amap"])
    report = json.loads((row.folder / "synth-ge" / "report.json").read_text())
    assert (report["verdict"], report["met"], report["step"]) == ("fail", False, "synth")
    assert report["config_hash"] == row.manifest.config_hash
    relaxed = synthesize(row, "ge", period=500.0, recipes=["amap"])
    assert relaxed["verdict"] == "pass"


def test_period_chooses_among_mappings_that_meet_it(adder: Build) -> None:
    free = synthesize(adder, "ge", objective="area")
    assert len(free["pareto"]) > 1
    bound = (free["pareto"][0]["delay"] + free["pareto"][-1]["delay"]) / 2
    held = synthesize(adder, "ge", objective="area", period=bound)
    assert held["delay"] <= bound < free["delay"]
    assert held["area"] > free["area"]


@pytest.mark.thorough
def test_results_do_not_depend_on_the_cache(
    row: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> dict[str, Any]:
        report = synthesize(row, "ge", recipes=["nf"])
        text = (row.folder / "synth-ge" / report["netlist"]).read_text()
        return {**report, "text": text}

    monkeypatch.setenv("GATEWRIGHT_CACHE", str(tmp_path / "cold"))
    cold = run()
    assert cold == run()
    for entry in (tmp_path / "cold").rglob("*.gz"):
        entry.write_bytes(entry.read_bytes()[:20])
    assert cold == run()


def test_latches_and_bad_verilog_are_refused(make_build: Any) -> None:
    text = "module l(input g, input d, output reg q); always @* if (g) q = d; endmodule\n"
    ports = (("g", "in", 1), ("d", "in", 1), ("q", "out", 1))
    with pytest.raises(InputError, match=r"not fail with|flip-flops that the library has"):
        synthesize(make_build("l", text, ports, clock=None, reset=None), "ge")
    with pytest.raises(InputError, match="design must pass yosys, not fail with"):
        synthesize(make_build("bad", "module bad(; endmodule", ()), "ge")


def test_loops_are_refused(make_build: Any) -> None:
    text = "module loop(input a, output y); assign y = ~(a & y); endmodule\n"
    build = make_build("loop", text, (("a", "in", 1), ("y", "out", 1)), clock=None, reset=None)
    with pytest.raises(InputError, match="loop"):
        synthesize(build, "ge", recipes=["amap"])


def test_equal_parts_are_mapped_once(row: Build, tmp_path: Path) -> None:
    netlist = frontend.gates(row, Library(GE), "plain", True, tmp_path)
    top = netlist.modules["row"]
    # Both cells read all bits of b, which joins them unless b is ideal.
    assert len(pieces(top, ideal_nets(netlist, {"rst"})["row"])) == 1
    found = pieces(top, ideal_nets(netlist, {"rst", "b"})["row"])
    assert len(found) == 2
    assert len({piece.blif for piece in found}) == 1
    assert found[0].nets != found[1].nets
    nested = frontend.gates(row, Library(GE), "plain", False, tmp_path)
    reset = ideal_nets(nested, {"rst"})
    assert [len(nets) for nets in reset.values()] == [1, 1]


def test_compare_gives_ratios(make_build: Any, adder: Build) -> None:
    text = "module wide(input [15:0] a, b, output [15:0] y); assign y = a + b; endmodule\n"
    ports = (("a", "in", 16), ("b", "in", 16), ("y", "out", 16))
    wide = make_build("wide", text, ports, clock=None, reset=None)
    rows = compare({"8": adder, "16": wide}, "8", "ge", objective="area", recipes=["amap"])
    assert [row["name"] for row in rows] == ["8", "16"]
    assert rows[0]["area_ratio"] == rows[0]["delay_ratio"] == 1
    assert 1.7 < rows[1]["area_ratio"] < 2.6
    with pytest.raises(InputError, match="baseline must be one of 8, 16"):
        compare({"8": adder, "16": wide}, "4", "ge")


def test_built_in_timing_equals_opensta(row: Build, nangate: Path, tmp_path: Path) -> None:
    if not opensta.available():
        pytest.skip("sta is not installed")
    report = synthesize(row, f"liberty:{nangate}", recipes=["nodc2"], objective="delay")
    assert report["timing_engine"].startswith("opensta")
    assert report["power"]["total"] > report["power"]["leakage"] > 0
    point = next(p for p in report["pareto"] if p["delay"] == pytest.approx(report["delay"], 1e-4))
    assert point["area"] == pytest.approx(report["area"], rel=1e-4)


def test_time_of_a_chain_is_the_sum_of_its_gates(make_build: Any, tmp_path: Path) -> None:
    """An inverter, a NAND and a flip-flop, by hand: 12 + loads, against the analysis."""
    text = """module chain(input clk, input a, output q);
  wire x, y, z;
  DFF_X1 first (.CK(clk), .D(a), .Q(x));
  INV_X1 not1 (.A(x), .Y(y));
  NAND2_X1 nand1 (.A(y), .B(x), .Y(z));
  DFF_X1 last (.CK(clk), .D(z), .Q(q));
endmodule
"""
    path = tmp_path / "chain.v"
    path.write_text(text)
    result = tmp_path / "chain.json"
    yosys.run(
        [
            f"read_liberty -lib {yosys.quote(GE)}",
            f"read_verilog {yosys.quote(path)}",
            "hierarchy -top chain",
            f"write_json {yosys.quote(result)}",
        ],
        tmp_path,
        "read",
    )
    library = Library(GE)
    netlist = read_yosys_json(result, "chain", library.cells.__contains__)
    environment = Environment("clk", frozenset(), "BUF_X1", 1.0)
    timing = analyse(netlist.flatten(), library, environment)
    launch = 12 + 1 + 4 / 3  # Q drives an inverter and a NAND2
    through = (1 + 4 / 3) + (2 + 2)  # inverter into NAND2, NAND2 into D
    assert timing.groups["reg_to_reg"] * 1000 == pytest.approx(launch + through + 8, abs=1e-2)
    assert timing.groups["reg_to_out"] * 1000 == pytest.approx(13, abs=1e-2)
    assert [step.instance for step in timing.path] == ["first", "not1", "nand1", "last"]


def test_design_without_logic(make_build: Any) -> None:
    text = """module shift(input clk, input d, output q, output one);
  reg a, b;
  always_ff @(posedge clk) begin a <= d; b <= a; end
  assign q = b;
  assign one = 1'b1;
endmodule
"""
    ports = (("d", "in", 1), ("q", "out", 1), ("one", "out", 1))
    report = synthesize(make_build("shift", text, ports, reset=None), "ge")
    assert (report["cells"], report["flops"]) == (2, 2)
    # Clock to output 12 and a D pin of 2, then setup 8; an FO4 is 5.
    assert report["paths"]["reg_to_reg"] == pytest.approx((12 + 2 + 8) / 5, abs=1e-3)

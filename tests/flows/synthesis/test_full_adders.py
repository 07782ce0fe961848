"""Full-adder cells: found in a library by function, put in where gates add, and still equal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gatewright.flows.synthesis import frontend, synthesize
from gatewright.flows.synthesis.adders import Adders, truth_table
from gatewright.flows.synthesis.liberty import Library
from gatewright.generators.artifacts import Build
from gatewright.tests.flows.synthesis.conftest import MakeBuild
from gatewright.tests.flows.synthesis.test_standard_cells import GE, prove_equal

# Seven rows of six bits to two: three levels of carry-save adders, one of them named by a module.
HEAP = """module save(input [7:0] a, b, c, output [7:0] s, k);
  assign s = a ^ b ^ c;
  assign k = {((a & b) | (c & (a ^ b))), 1'b0};
endmodule
module heap(input [5:0] r0, r1, r2, r3, r4, r5, r6, output [7:0] y, z);
  wire [7:0] s0, k0, s1, k1, s2, k2, s3, k3;
  save u0 (.a(r0), .b(r1), .c(r2), .s(s0), .k(k0));
  save u1 (.a(r3), .b(r4), .c(r5), .s(s1), .k(k1));
  save u2 (.a(s0), .b(k0), .c(s1), .s(s2), .k(k2));
  save u3 (.a(s2), .b(k2), .c(k1), .s(s3), .k(k3));
  save u4 (.a(s3), .b(k3), .c(r6), .s(y), .k(z));
endmodule
"""


@pytest.fixture
def heap(make_build: MakeBuild) -> Build:
    ports = [(f"r{index}", "in", 6) for index in range(7)] + [("y", "out", 8), ("z", "out", 8)]
    return make_build("heap", HEAP, ports, clock=None, reset=None)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("flatten", [True, False])
def test_heap_of_the_built_in_library(heap: Build, tmp_path: Path, flatten: bool) -> None:
    report = synthesize(heap, "ge", objective="area", flatten=flatten)
    assert report["recipe"]["front"].endswith("full-adders")
    # Columns 0 to 5 have five full adders each, less those with a carry-in or row bit of 0.
    assert report["cell_types"]["FA_X1"] >= 20
    prove_equal(heap, heap.folder / "synth-ge" / report["netlist"], GE, 1, tmp_path)


@pytest.mark.thorough
def test_full_adder_cells_save_area(
    heap: Build, monkeypatch: pytest.MonkeyPatch, nangate: Path, tmp_path: Path
) -> None:
    target = f"liberty:{nangate}"
    cells = synthesize(heap, target, objective="area")
    mapped = heap.folder / "synth-liberty-nangate45_typ" / cells["netlist"]
    used = tmp_path / "used.lib"
    used.write_text(Library(nangate).prune(cells["cell_types"]))
    prove_equal(heap, mapped, used, 1, tmp_path)
    assert cells["cell_types"]["FA_X1"] >= 20
    everything = frontend.fronts

    def without(library: Library, quick: bool) -> list[str]:
        return [name for name in everything(library, quick) if "full-adders" not in name]

    monkeypatch.setattr(frontend, "fronts", without)
    gates = synthesize(heap, target, objective="area")
    assert "FA_X1" not in gates["cell_types"]
    assert cells["area"] < 0.92 * gates["area"]


def test_ripple_chain_of_full_adders(adder: Build, tmp_path: Path) -> None:
    library = Library(GE)
    counts = {
        front: frontend.gates(adder, library, front, True, tmp_path).counts()
        for front in ("plain", "ripple", "ripple-full-adders")
    }
    # Eight sums of two exclusive-ors, the lowest of one; seven carries of which one is an and.
    assert sum(counts["ripple"].values()) - 1 == 15 + 1 + 3 * 6
    assert sum(counts["plain"].values()) > sum(counts["ripple"].values())
    # The highest bit needs no carry, the lowest has none.
    assert counts["ripple-full-adders"]["FA_X1"] == 6


@pytest.mark.thorough
def test_timing_goes_through_both_outputs(make_build: MakeBuild) -> None:
    text = """module fa(input a, b, c, output s, k);
      assign s = a ^ b ^ c;
      assign k = (a & b) | (c & (a ^ b));
    endmodule
    """
    ports = [(name, "in", 1) for name in "abc"] + [(name, "out", 1) for name in "sk"]
    build = make_build("fa", text, ports, clock=None, reset=None)
    report = synthesize(build, "ge", objective="area")
    assert report["cell_types"] == {"FA_X1": 1}
    adder = Library(GE).cells["FA_X1"]
    inverter = Library(GE).cells["INV_X1"].inputs[0].capacitance[0]
    driver = Library(GE).cells["BUF_X1"].arcs["Y"][0].delay[0]
    slowest = adder.arcs["S"][0].delay[0]
    assert slowest is not None and driver is not None
    port = driver(0, max(pin.capacitance[0] for pin in adder.inputs)) - driver(0, 0)
    # In FO4, which is 5 units of the library; the carry of the same cell is faster.
    assert report["delay"] == pytest.approx((port + slowest(0, inverter)) * 1000 / 5, rel=1e-3)


def test_adders_are_found_by_function_not_by_name(tmp_path: Path) -> None:
    text = GE.read_text()
    path = tmp_path / "other.lib"
    path.write_text(text.replace("FA_X1", "PLUM").replace("cell(XOR2_X1)", "cell(FA_X1)"))
    adders = Adders.of(Library(path))
    assert adders is not None and adders.full.cell == "PLUM"
    assert (adders.full.total, adders.full.carry, adders.half) == ("S", "CO", None)
    path.write_text(text.replace("((A ^ B) ^ CI)", "!((A ^ B) ^ CI)"))
    assert Adders.of(Library(path)) is None
    assert not any("full-adders" in front for front in frontend.fronts(Library(path), quick=False))
    refused = re.sub(r"cell\(FA_X1\) \{", "cell(FA_X1) { dont_use : true;", text)
    path.write_text(refused)
    assert Adders.of(Library(path)) is None


def test_half_adders_where_they_save_area(tmp_path: Path, heap: Build) -> None:
    def library(area: float) -> Library:
        adder = re.search(r"  cell\(FA_X1\) \{.*?\n  \}\n", GE.read_text(), re.DOTALL)
        assert adder is not None
        half = adder[0].replace("FA_X1", "HALF").replace("area : 5.0000", f"area : {area}")
        half = half.replace("((A & B) | (A & CI) | (B & CI))", "A * B")
        half = half.replace("((A ^ B) ^ CI)", "A ^ B")
        half = re.sub(r"    pin\(CI\).*?\n", "", half)
        half = re.sub(r"      timing\(\) \{\s*related_pin : \"CI\".*?\n      \}\n", "", half,
                      flags=re.DOTALL)  # fmt: skip
        path = tmp_path / f"half{area}.lib"
        path.write_text(GE.read_text().replace(adder[0], adder[0] + half))
        return Library(path)

    dear, cheap = Adders.of(library(3.34)), Adders.of(library(3.0))
    assert dear is not None and dear.half is None
    assert cheap is not None and cheap.half is not None and cheap.half.cell == "HALF"
    netlist = frontend.gates(heap, library(3.0), "plain-full-adders", True, tmp_path)
    counts = netlist.counts()
    assert counts["HALF"] > 0 and counts["FA_X1"] >= 20


@pytest.mark.parametrize(
    ("function", "rows"),
    [
        ("A", 0b1010), ("!A", 0b0101), ("A'", 0b0101), ("A B", 0b1000), ("(A*B)'", 0b0111),
        ("A ^ B & A", 0b0010), ("A + B A", 0b1010), ("A | !B", 0b1011), ("1", 0b1111),
        ("!(0)", 0b1111),
    ],
)  # fmt: skip
def test_truth_table(function: str, rows: int) -> None:
    assert truth_table(function, ("A", "B")) == rows


@pytest.mark.parametrize("function", ["", "A &", "(A", "A)", "C", "A % B", "A ! B )"])
def test_malformed_function(function: str) -> None:
    with pytest.raises(ValueError, match=r"^function must "):
        truth_table(function, ("A", "B"))

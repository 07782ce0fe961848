"""The built-in technology: the file is what its derivation gives, and the derivation is right."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from gatewright.flows.synthesis.liberty import Cell, Library
from gatewright.flows.synthesis.logical_effort import liberty
from gatewright.flows.synthesis.timing import fo4

FILE = Path(__file__).parents[2] / "constraints" / "ge.lib"


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(FILE)


def test_file_is_as_written() -> None:
    assert FILE.read_text() == liberty()


def test_inverter_chain_takes_five_tau(library: Library) -> None:
    assert fo4(library) == pytest.approx(5e-3)


# Logical effort and parasitic delay from chapters 4 and 1 of Sutherland, Sproull and Harris.
@pytest.mark.parametrize(
    ("name", "efforts", "parasitic"),
    [
        ("INV", [1], 1),
        ("NAND2", [4 / 3] * 2, 2),
        ("NAND3", [5 / 3] * 3, 3),
        ("NAND4", [2] * 4, 4),
        ("NOR2", [5 / 3] * 2, 2),
        ("NOR3", [7 / 3] * 3, 3),
        ("NOR4", [3] * 4, 4),
        ("AOI21", [2, 2, 5 / 3], 7 / 3),
        ("AOI22", [2] * 4, 4),
        ("OAI21", [2, 2, 4 / 3], 8 / 3),
        ("OAI22", [2] * 4, 4),
    ],
)
@pytest.mark.parametrize("drive", [1, 2, 4])
def test_delay_is_parasitic_plus_load(
    library: Library, name: str, efforts: list[float], parasitic: float, drive: int
) -> None:
    cell = library.cells[f"{name}_X{drive}"]
    found = [pin.capacitance[1] for pin in cell.inputs]
    assert found == pytest.approx([effort * drive for effort in efforts], abs=1e-3)
    for arc in cell.arcs["Y"]:
        for table in arc.delay:
            assert table is not None
            for load in (0.0, 3.0, 40.0, 500.0):
                assert table(0.1, load) * 1000 == pytest.approx(parasitic + load / drive, abs=1e-2)


# Columns of Nangate45 cells: an independent count, see docs/technology.md.
@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("NAND2_X1", 1.0), ("INV_X1", 2 / 3), ("INV_X4", 5 / 3), ("BUF_X1", 1.0),
        ("BUF_X4", 7 / 3), ("BUF_X8", 13 / 3), ("NAND4_X1", 5 / 3), ("NAND2_X4", 3.0),
        ("AOI21_X1", 4 / 3), ("AND2_X1", 4 / 3), ("XOR2_X1", 2.0), ("MUX2_X1", 7 / 3),
    ],
)  # fmt: skip
def test_area_counts_columns(library: Library, name: str, area: float) -> None:
    assert library.cells[name].area == pytest.approx(area, abs=1e-3)


def _value(cell: Cell, output: str, values: dict[str, int]) -> int:
    function = cell.pins[output].function
    assert function is not None
    text = re.sub(r"!(\w+)", r"(1 ^ \1)", function).replace("!", "1 ^ ")
    return int(eval(text, {}, values)) & 1


def _truth(name: str, bits: tuple[int, ...]) -> int:
    kind = name.split("_")[0]
    if kind in ("INV", "BUF"):
        return bits[0] ^ (kind == "INV")
    if kind.startswith(("NAND", "AND")):
        return int(all(bits)) ^ kind.startswith("N")
    if kind.startswith(("NOR", "OR")):
        return int(any(bits)) ^ kind.startswith("N")
    if kind in ("XOR2", "XNOR2"):
        return sum(bits) % 2 ^ (kind == "XNOR2")
    if kind == "MUX2":
        return bits[1] if bits[2] else bits[0]
    first, second = bits[:2], bits[2:]
    if kind.startswith("AOI"):
        return int(not (all(first) or all(second)))
    assert kind.startswith("OAI")
    return int(not (any(first) and any(second)))


def test_functions_are_those_of_the_names(library: Library) -> None:
    checked = 0
    for cell in library.usable("logic"):
        names = [pin.name for pin in cell.inputs]
        for bits in itertools.product((0, 1), repeat=len(names)):
            values = dict(zip(names, bits, strict=True))
            assert _value(cell, "Y", values) == _truth(cell.name, bits), (cell.name, bits)
            checked += 1
    assert checked > 300


def test_full_adder_adds(library: Library) -> None:
    cell = library.cells["FA_X1"]
    for a, b, c in itertools.product((0, 1), repeat=3):
        values = {"A": a, "B": b, "CI": c}
        assert 2 * _value(cell, "CO", values) + _value(cell, "S", values) == a + b + c


def test_richer_flip_flops_save_area(library: Library) -> None:
    area = {name: cell.area for name, cell in library.cells.items()}
    assert area["DFF_X1"] < area["DFFE_X1"] < area["DFF_X1"] + area["MUX2_X1"]
    assert area["DFFR_X1"] < area["DFF_X1"] + area["AND2_X1"]
    assert area["DFFER_X1"] < area["DFFE_X1"] + area["AND2_X1"]


BOARDS = sorted(
    p for p in (FILE.parent / "boards").iterdir() if p.suffix in (".lpf", ".pcf", ".cst")
)


@pytest.mark.parametrize("path", BOARDS, ids=lambda p: p.name)
def test_boards_place_each_port_once(path: Path) -> None:
    text = re.sub(r"(#|//).*", "", path.read_text())
    patterns = {
        ".lpf": r'LOCATE COMP "(\S+)" SITE "(\w+)"',
        ".pcf": r"set_io -nowarn (\S+) (\w+)",
        ".cst": r'IO_LOC "(\S+)" (\w+)',
    }
    pairs = re.findall(patterns[path.suffix], text)
    ports, pins = zip(*pairs, strict=True)
    assert {"clk", "rst", "led[0]", "uart_tx", "uart_rx"} <= set(ports)
    assert len(set(ports)) == len(ports)
    assert len(set(pins)) == len(pins)

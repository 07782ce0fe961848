"""Reading Liberty files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gatewright.errors import InputError
from gatewright.flows.synthesis.liberty import Library, Table

TEXT = """/* a { brace in a comment */
library ("tiny") {
  time_unit : "10ps"; capacitive_load_unit (2, ff); leakage_power_unit : "1uW";
  lu_table_template(by_load) { variable_1 : total_output_net_capacitance;
    variable_2 : input_net_transition; index_1("1, 3"); index_2("10, 30"); }
  cell (NOT1) { area : 1.5; cell_leakage_power : 2;
    pin (I) { direction : input; capacitance : 1; rise_capacitance : 1.25; }
    pin (Z) { direction : output; function : "(I)'"; max_capacitance : 8;
      timing () { related_pin : "I"; timing_sense : negative_unate;
        cell_rise (by_load) { values ("1, 2", \\
                                      "5, 8"); }
        rise_transition (by_load) { values ("1, 1", "2, 2"); } } } }
  cell (CLKBUF_1) { area : 1; pin (I) { direction : input; }
    pin (Z) { direction : output; function : "I"; } }
  cell (LATCH) { area : 3; latch (IQ, IQN) { enable : "G"; data_in : "D"; }
    pin (D) { direction : input; } pin (G) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; } }
  cell (SCAN) { area : 9; ff (IQ, IQN) { clocked_on : "C"; next_state : "(S&T)|(!S&D)"; }
    pin (S) { direction : input; nextstate_type : scan_enable; }
    pin (Q) { direction : output; function : "IQ"; } }
  cell (FLOP) { area : 6; ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; }
    pin (C) { direction : input; clock : true; } pin (D) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; } }
  cell (OLD) { dont_use : true; area : 1; pin (I) { direction : input; }
    pin (Z) { direction : output; function : "I"; } }
  cell (TRI) { area : 1; pin (I) { direction : input; } pin (E) { direction : input; }
    pin (Z) { direction : output; function : "I"; three_state : "!E"; } }
  cell (ONE) { area : 1; pin (Z) { direction : output; function : "1"; } }
}
"""


@pytest.fixture
def library(tmp_path: Path) -> Library:
    path = tmp_path / "tiny.lib.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    return Library(path)


def test_cells_and_units(library: Library) -> None:
    assert library.name == "tiny"
    cell = library.cells["NOT1"]
    assert (cell.area, cell.leakage_nw, cell.is_inverter, cell.is_buffer) == (
        1.5,
        2000,
        True,
        False,
    )
    assert cell.pins["I"].capacitance == (2.0, 2.5)
    assert cell.pins["Z"].max_load == 16.0


def test_what_mapping_may_use(library: Library) -> None:
    assert [cell.name for cell in library.usable("logic")] == ["NOT1"]
    assert [cell.name for cell in library.usable("flop")] == ["FLOP"]
    kinds = {name: cell.kind for name, cell in library.cells.items()}
    assert kinds["LATCH"] == "latch"
    assert kinds["SCAN"] == "scan"
    assert kinds["TRI"] == "other"
    assert kinds["ONE"] == "tie"


def test_table_with_load_first_is_turned(library: Library) -> None:
    (arc,) = library.cells["NOT1"].arcs["Z"]
    assert (arc.source, arc.sense, arc.delay[0]) == ("I", "negative_unate", None)
    table = arc.delay[1]
    assert table is not None
    # Load 1 unit is 2 fF, slew 10 units is 0.1 ns; row 2 of the file is load 3 units.
    assert table(0.1, 2.0) == pytest.approx(0.01)
    assert table(0.3, 2.0) == pytest.approx(0.02)
    assert table(0.1, 6.0) == pytest.approx(0.05)
    assert table(0.2, 4.0) == pytest.approx(0.01 * (1 + 2 + 5 + 8) / 4)


def test_table_extends_beyond_its_ends() -> None:
    table = Table((0.0, 1.0), (0.0, 2.0), ((0.0, 2.0), (1.0, 3.0)))
    for x in (-1.0, 0.5, 3.0):
        for y in (-2.0, 1.0, 9.0):
            assert table(x, y) == pytest.approx(x + y)
    assert Table((0.0,), (0.0,), ((7.0,),))(5.0, 5.0) == 7.0


def test_pruned_text_has_only_what_was_asked_for(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "pruned.lib"
    path.write_text(library.prune(["FLOP", "NOT1"]))
    again = Library(path)
    assert list(again.cells) == ["NOT1", "FLOP"]
    assert again.cells["NOT1"].arcs == library.cells["NOT1"].arcs


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"module x; endmodule", "must be a Liberty file with at least one cell"),
        (b"\x1f\x8b broken", "must be a readable Liberty file"),
        (b'library (l) { time_unit : "1 day"; cell (a) { } }', "time_unit must be"),
        (
            b"library (l) { capacitive_load_unit (1, nf); cell (a) { } }",
            "capacitive_load_unit must",
        ),
    ],
)
def test_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.lib"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        Library(path)


def test_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="readable Liberty file"):
        Library(tmp_path / "none.lib")

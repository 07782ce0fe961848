"""Write `constraints/ge.lib`: a standard-cell library from first principles.

`python -m gatewright.flows.synthesis.logical_effort FILE` writes it; a test compares it with the
file in the repository. `docs/technology.md` derives every number.

Delay follows the method of logical effort (I. Sutherland, B. Sproull, D. Harris, *Logical
Effort*, 1999): a gate of drive n that drives a load C takes p + C/n, in units of tau; an input
presents g·n. Capacitances are in units of the X1 inverter's input, which is three unit transistor
widths (pull-down 1, pull-up 2). Area follows from counting transistor columns: a cell of k
columns takes (k + 1)/3 gate equivalents, so that a NAND2 of two columns is 1. Folding a stage n
times multiplies its columns by n.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

__all__ = ["liberty"]

TAU_UNIT = "1ps"
INVERTER_WIDTH = 3  # pull-down 1, pull-up 2: electrons move about twice as fast as holes.
SLEWS = '"0, 1000"'
SETUP, CLOCK_TO_Q, HOLD = Fraction(8), Fraction(12), Fraction(0)


@dataclass(frozen=True)
class Network:
    """A series ("s") or parallel ("p") network of transistors; a leaf ("x") is one input's."""

    kind: str
    parts: tuple[Network, ...] = ()
    name: str = ""

    def dual(self) -> Network:
        """The complementary network: series and parallel exchanged."""
        swapped = {"s": "p", "p": "s", "x": "x"}[self.kind]
        return Network(swapped, tuple(part.dual() for part in self.parts), self.name)

    def depth(self) -> int:
        """Transistors in series on the longest path."""
        if self.kind == "x":
            return 1
        depths = [part.depth() for part in self.parts]
        return sum(depths) if self.kind == "s" else max(depths)

    def leaves(self, around: int = 0) -> Iterator[tuple[str, int]]:
        """Each input with the length of its longest path, which is how wide its transistor is."""
        if self.kind == "x":
            yield self.name, around + 1
        for index, part in enumerate(self.parts):
            others = [p.depth() for i, p in enumerate(self.parts) if i != index]
            yield from part.leaves(around + (sum(others) if self.kind == "s" else 0))

    def at_output(self, around: int = 0) -> int:
        """Least total width of transistors at the output, over all orders of series parts."""
        if self.kind == "x":
            return around + 1
        sums = []
        for index, part in enumerate(self.parts):
            others = [p.depth() for i, p in enumerate(self.parts) if i != index]
            sums.append(part.at_output(around + (sum(others) if self.kind == "s" else 0)))
        return min(sums) if self.kind == "s" else sum(sums)


def _leaf(name: str) -> Network:
    return Network("x", name=name)


def _series(*names: str | Network) -> Network:
    return Network("s", tuple(_leaf(n) if isinstance(n, str) else n for n in names))


def _parallel(*names: str | Network) -> Network:
    return Network("p", tuple(_leaf(n) if isinstance(n, str) else n for n in names))


@dataclass(frozen=True)
class Gate:
    """A static CMOS stage: logical effort of inputs, parasitic delay, columns; not inverted."""

    effort: dict[str, Fraction]
    parasitic: Fraction
    columns: int
    function: str


def _gate(pull_down: Network) -> Gate:
    effort: dict[str, Fraction] = {}
    columns = 0
    for network, width in ((pull_down, 1), (pull_down.dual(), 2)):
        for name, length in network.leaves():
            effort[name] = effort.get(name, Fraction(0)) + Fraction(length * width, INVERTER_WIDTH)
            columns += 1
    touching = pull_down.at_output() + 2 * pull_down.dual().at_output()
    return Gate(effort, Fraction(touching, INVERTER_WIDTH), columns // 2, _text(pull_down))


def _text(network: Network) -> str:
    if network.kind == "x":
        return network.name
    joined = (" & " if network.kind == "s" else " | ").join(_text(p) for p in network.parts)
    return f"({joined})"


INV = _gate(_leaf("A"))
STAGES = {
    "NAND2": _gate(_series("A", "B")),
    "NAND3": _gate(_series("A", "B", "C")),
    "NAND4": _gate(_series("A", "B", "C", "D")),
    "NOR2": _gate(_parallel("A", "B")),
    "NOR3": _gate(_parallel("A", "B", "C")),
    "NOR4": _gate(_parallel("A", "B", "C", "D")),
    "AOI21": _gate(_parallel(_series("A", "B"), "C")),
    "AOI22": _gate(_parallel(_series("A", "B"), _series("C", "D"))),
    "OAI21": _gate(_series(_parallel("A", "B"), "C")),
    "OAI22": _gate(_series(_parallel("A", "B"), _parallel("C", "D"))),
}


@dataclass(frozen=True)
class Input:
    """An input pin: its capacitance and its part of the delay to the output, by sense."""

    name: str
    capacitance: Fraction
    delay: Fraction
    sense: str


def _area(columns: int, breaks: int = 1) -> float:
    """Gate equivalents: a NAND2 has two columns and the break to its neighbour, three pitches."""
    return float(Fraction(columns + breaks, 3))


def _numbers(values: Sequence[Fraction | float]) -> str:
    return '"' + ", ".join(f"{float(v):.4f}" for v in values) + '"'


def _arc(source: str, sense: str, intrinsic: Fraction, drive: int, kind: str = "") -> str:
    """Liberty timing group of delay `intrinsic + C/drive`; slews are as delays and change none."""
    loads = [Fraction(0), Fraction(16 * drive), Fraction(256 * drive)]
    values = _numbers([intrinsic + load / drive for load in loads])
    index = _numbers(loads)
    tables = "\n".join(
        f"        {name}(linear) {{ index_1({SLEWS}); index_2({index}); "
        f"values({values}, {values}); }}"
        for name in ("cell_rise", "cell_fall", "rise_transition", "fall_transition")
    )
    kind = f"timing_type : {kind};" if kind else f"timing_sense : {sense};"
    return f'      timing() {{\n        related_pin : "{source}"; {kind}\n{tables}\n      }}\n'


def _logic(name: str, drive: int, columns: int, inputs: Sequence[Input], function: str) -> str:
    pins = "".join(
        f"    pin({pin.name}) {{ direction : input; "
        f"capacitance : {float(pin.capacitance):.4f}; }}\n"
        for pin in inputs
    )
    arcs = "".join(_arc(pin.name, pin.sense, pin.delay, drive) for pin in inputs)
    return (
        f"  cell({name}_X{drive}) {{\n    area : {_area(columns):.4f};\n{pins}"
        f'    pin(Y) {{\n      direction : output; function : "{function}";\n'
        f"      max_capacitance : {32 * drive}.0;\n{arcs}    }}\n  }}\n"
    )


def _single_stage(name: str, gate: Gate, drive: int) -> str:
    inputs = [
        Input(pin, effort * drive, gate.parasitic, "negative_unate")
        for pin, effort in gate.effort.items()
    ]
    return _logic(name, drive, gate.columns * drive, inputs, f"!{gate.function}")


def _with_inverter(name: str, gate: Gate, drive: int) -> str:
    """A gate and an inverter of `drive`; the first stage has half that drive, at least 1."""
    first = max(1, drive // 2)
    delay = gate.parasitic + Fraction(drive, first) + INV.parasitic
    inputs = [
        Input(pin, effort * first, delay, "positive_unate") for pin, effort in gate.effort.items()
    ]
    return _logic(name, drive, gate.columns * first + drive, inputs, gate.function)


def _two_gates(name: str, first: Gate, second: Gate, drive: int, function: str) -> str:
    """XOR as AOI21(A, B, NOR2(A, B)), XNOR as OAI21(A, B, NAND2(A, B)): ten transistors."""
    delay = first.parasitic + second.effort["C"] * drive + second.parasitic
    inputs = [
        Input(pin, first.effort[pin] + second.effort[pin] * drive, delay, "non_unate")
        for pin in ("A", "B")
    ]
    return _logic(name, drive, first.columns + second.columns * drive, inputs, function)


def _mux(drive: int) -> str:
    """MUX2 as AOI22 with an inverter on the select and one at the output."""
    gate = STAGES["AOI22"]
    through = gate.parasitic + drive + INV.parasitic
    select = INV.parasitic + gate.effort["A"] + through
    inputs = [
        Input("A", gate.effort["A"], through, "positive_unate"),
        Input("B", gate.effort["C"], through, "positive_unate"),
        Input("S", gate.effort["B"] + 1, select, "non_unate"),
    ]
    columns = INV.columns + gate.columns + drive
    return _logic("MUX2", drive, columns, inputs, "((A & !S) | (B & S))")


def _full_adder() -> str:
    """The mirror adder: 24 transistors and an inverter at each output, 14 columns."""
    carry = Fraction(4) + 1 + INV.parasitic + 2
    pins = (("A", 4), ("B", 4), ("CI", 3))
    text = "".join(
        f"    pin({pin}) {{ direction : input; capacitance : {load}.0; }}\n" for pin, load in pins
    )
    outputs = (
        ("CO", "((A & B) | (A & CI) | (B & CI))", carry, "positive_unate"),
        ("S", "((A ^ B) ^ CI)", carry + 6, "non_unate"),
    )
    for pin, function, delay, sense in outputs:
        arcs = "".join(_arc(source, sense, delay, 1) for source, _ in pins)
        text += (
            f'    pin({pin}) {{\n      direction : output; function : "{function}";\n'
            f"      max_capacitance : 32.0;\n{arcs}    }}\n"
        )
    return f"  cell(FA_X1) {{\n    area : {_area(14):.4f};\n{text}  }}\n"


@dataclass(frozen=True)
class Flop:
    """A D flip-flop: columns beyond the plain one's, next state, extra pins and setup time."""

    name: str
    columns: int
    next_state: str
    pins: tuple[tuple[str, int], ...] = ()
    setup: int = 0
    asynchronous: str = ""


# The plain flip-flop: clock inverters 2, two clocked inverters and their keepers 10, output 1.
FLOP_COLUMNS, FLOP_BREAKS = 13, 3
FLOPS = (
    Flop("DFF", 0, "D"),
    Flop("DFFR", 2, "(D & !R)", (("R", 1),), 1),
    Flop("DFFS", 1, "(D | S)", (("S", 2),), 1),
    Flop("DFFE", 5, "((D & E) | (IQ & !E))", (("E", 3),), 6),
    Flop("DFFER", 6, "(((D & E) | (IQ & !E)) & !R)", (("E", 3), ("R", 2)), 7),
    Flop("DFFES", 7, "(((D & E) | (IQ & !E)) | S)", (("E", 3), ("S", 1)), 7),
    Flop("DFFRN", 2, "D", (("RN", 2),), 1, 'clear : "!RN";'),
    Flop("DFFSN", 2, "D", (("SN", 2),), 1, 'preset : "!SN";'),
)


def _constraint(kind: str, time: Fraction) -> str:
    tables = "\n".join(
        f'        {edge}_constraint(scalar) {{ values("{float(time):.4f}"); }}'
        for edge in ("rise", "fall")
    )
    head = f'      timing() {{\n        related_pin : "CK"; timing_type : {kind};\n'
    return f"{head}{tables}\n      }}\n"


def _flop(flop: Flop) -> str:
    setup = SETUP + flop.setup
    checks = _constraint("setup_rising", setup) + _constraint("hold_rising", HOLD)
    pins = "    pin(CK) { direction : input; clock : true; capacitance : 1.0; }\n"
    for pin, load in (("D", 2), *flop.pins):
        timed = "" if pin in ("RN", "SN") else checks
        pins += (
            f"    pin({pin}) {{\n      direction : input; capacitance : {load}.0;\n{timed}    }}\n"
        )
    return (
        f"  cell({flop.name}_X1) {{\n"
        f"    area : {_area(FLOP_COLUMNS + flop.columns, FLOP_BREAKS):.4f};\n"
        f'    ff(IQ, IQN) {{ clocked_on : "CK"; next_state : "{flop.next_state}"; '
        f"{flop.asynchronous} }}\n{pins}"
        f'    pin(Q) {{\n      direction : output; function : "IQ"; max_capacitance : 32.0;\n'
        f"{_arc('CK', '', CLOCK_TO_Q, 1, 'rising_edge')}    }}\n  }}\n"
    )


def liberty() -> str:
    """The whole library as Liberty text."""
    cells = [_single_stage("INV", INV, drive) for drive in (1, 2, 4, 8, 16)]
    cells += [_with_inverter("BUF", INV, drive) for drive in (1, 2, 4, 8, 16)]
    for drive in (1, 2, 4):
        cells += [_single_stage(name, gate, drive) for name, gate in STAGES.items()]
        cells += [
            _with_inverter(name, STAGES[stage], drive)
            for name, stage in (
                ("AND2", "NAND2"), ("AND3", "NAND3"), ("AND4", "NAND4"),
                ("OR2", "NOR2"), ("OR3", "NOR3"), ("OR4", "NOR4"),
            )
        ]  # fmt: skip
    for drive in (1, 2):
        cells += [
            _two_gates("XOR2", STAGES["NOR2"], STAGES["AOI21"], drive, "(A ^ B)"),
            _two_gates("XNOR2", STAGES["NAND2"], STAGES["OAI21"], drive, "!(A ^ B)"),
            _mux(drive),
        ]
    cells.append(_full_adder())
    cells += [_flop(flop) for flop in FLOPS]
    return (
        "/* Written by gatewright.flows.synthesis.logical_effort: do not edit.\n"
        "   Area in gate equivalents; 1 ps stands for 1 tau, 1 fF for an X1 inverter's input.\n"
        "   docs/technology.md derives the numbers. */\n"
        "library(gatewright_ge) {\n"
        f'  delay_model : table_lookup;\n  time_unit : "{TAU_UNIT}";\n'
        '  capacitive_load_unit(1, ff);\n  voltage_unit : "1V";\n  current_unit : "1mA";\n'
        '  pulling_resistance_unit : "1kohm";\n  leakage_power_unit : "1nW";\n'
        "  nom_process : 1.0;\n  nom_temperature : 25.0;\n  nom_voltage : 1.0;\n"
        "  lu_table_template(linear) {\n    variable_1 : input_net_transition;\n"
        "    variable_2 : total_output_net_capacitance;\n"
        f'    index_1({SLEWS});\n    index_2("0, 16, 256");\n  }}\n' + "".join(cells) + "}\n"
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(liberty())

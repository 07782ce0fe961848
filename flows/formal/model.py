"""From the Verilog of a claim to a circuit of ANDs, inverters and registers for a model checker.

Every register and every word of memory starts with any value: what reset does not set, no
synthesised circuit knows. The reset input is 1 in the first cycle and 0 from then on, so the
states after it are those that a reset brings about, amid whatever traffic. In a step of an
induction it is 0 throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...generators.artifacts import Port
from ..synthesis import yosys

__all__ = ["TOP", "Model", "build_model", "wrapper"]

TOP = "formal_top"
ASSUMED, HOLDS = "assumed", "holds"

_FLATTEN = (
    f"hierarchy -check -top {TOP}",
    "proc",
    "flatten",
    "opt_expr",
    "opt_clean",
    "memory -nomap",
    "memory_map",
    "opt -full",
    "techmap",
    "simplemap",
    "dffunmap",
    "opt_expr",
    "opt_merge",
    "opt_clean",
    "setundef -undriven -anyseq",
)


@dataclass(frozen=True)
class Model:
    """A claim as an AIGER file whose output is 1 where the claim is broken.

    Attributes
    ----------
    aiger, symbols
        The circuit, and which of its inputs is which bit of which port.
    netlist
        The same with names, for waveforms (RTLIL).
    inputs
        The free inputs.
    sequential
        Whether there is state.
    settle
        Of a step of an induction, the cycles after which the claim counts; else the first cycle is
        one of reset.
    """

    aiger: Path
    symbols: Path
    netlist: Path
    inputs: tuple[Port, ...]
    sequential: bool
    settle: int | None = None

    @property
    def registers(self) -> int:
        """Registers of the circuit."""
        with self.aiger.open("rb") as stream:
            return int(stream.readline().split()[3])

    def input_bits(self) -> Mapping[int, tuple[str, int]]:
        """The port and the bit of each input of the circuit that is one of a port."""
        found = {}
        for line in self.symbols.read_text().splitlines():
            kind, *words = line.split()
            if kind == "input":
                index, bit, name = words
                found[int(index)] = (name, int(bit))
        return found


def wrapper(
    top: str, inputs: Sequence[Port], *, sequential: bool, settle: int | None = None
) -> str:
    """The module around a claim: its reset, and ``bad``, which tells that it is broken.

    A run in which an assumption has failed counts no longer. In a step of an induction there is no
    reset, the first cycle is one like any other, and the claim counts after ``settle`` cycles.
    """
    ports = ["input clk", *(f"input {_span(port)}{port.name}" for port in inputs), "output bad"]
    wires = [f".{port.name}({port.name})" for port in inputs]
    wires += [f".{ASSUMED}(formal_assumed)", f".{HOLDS}(formal_holds)"]
    reset = "formal_reset" if sequential and settle is None else "1'b0"
    lines = [
        f"module {TOP} ({', '.join(ports)});",
        "  wire formal_assumed, formal_holds;",
        f"  {top} claim (.clk(clk), .rst({reset}), {', '.join(wires)});",
    ]
    if sequential:
        began, young = ("1'b1", settle) if settle is not None else ("~formal_reset", 1)
        lines += [
            f"  reg [{young - 1}:0] formal_young = {{{young}{{1'b1}}}};",
            f"  wire formal_reset = formal_young[{young - 1}];",
            "  reg formal_over = 0;",
            "  always @(posedge clk) formal_young <= formal_young << 1;",
            "  always @(posedge clk)",
            f"    formal_over <= formal_over | {began} & ~formal_assumed;",
            "  assign bad = ~formal_reset & formal_assumed & ~formal_over & ~formal_holds;",
        ]
    else:
        lines.append("  assign bad = formal_assumed & ~formal_holds;")
    return "\n".join([*lines, "endmodule", ""])


def build_model(
    verilog: str, top: str, inputs: Sequence[Port], folder: Path, *, settle: int | None = None
) -> Model:
    """Bring the Verilog of a claim to a circuit; all files stay in ``folder``.

    With ``settle`` it is a step of an induction: from any state, without a reset, after so many
    cycles.
    """
    sequential = "posedge" in verilog
    source, around = folder / "claim.v", folder / "wrapper.v"
    source.write_text(verilog)
    around.write_text(wrapper(top, inputs, sequential=sequential, settle=settle))
    model = Model(
        folder / "claim.aig", folder / "claim.map", folder / "claim.il", tuple(inputs), sequential,
        settle,
    )  # fmt: skip
    commands = [
        f"read_verilog -sv {yosys.quote(source)} {yosys.quote(around)}",
        *_FLATTEN,
        f"write_rtlil {yosys.quote(model.netlist)}",
        "aigmap",
        "opt_clean",
        # `-map` takes no quotes.
        f"write_aiger -zinit -map {model.symbols} {yosys.quote(model.aiger)}",
    ]
    yosys.run(commands, folder, "model")
    return model


def _span(port: Port) -> str:
    return f"[{port.width - 1}:0] " if port.width > 1 else ""

"""Whether a mutant that no test found can be found at all.

The design and its mutant get the same inputs from the same state; what an observer of the streams
sees of both is compared by a model checker. A payload counts only while it
is valid.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...generators.artifacts import Build, Port
from ..formal.checker import Answer, decide
from ..formal.model import TOP, Model
from ..synthesis import yosys
from .mutants import SELECT

__all__ = ["distinguish"]


def distinguish(build: Build, number: int, seconds: float, folder: Path) -> Answer:
    """Look for inputs that tell mutant ``number`` from the design.

    Parameters
    ----------
    build
        The mutated design with the selector as a port.
    number
        The mutant.
    seconds
        Most time.
    folder
        Where files stay.

    Returns
    -------
    Answer
        ``refuted`` if it can be told; ``proved`` if it never can; ``bounded`` if it cannot for
        some cycles after reset, and the time was up; or ``unknown``.
    """
    source, circuit = folder / "pair.v", folder / f"pair-{number}.aig"
    source.write_text("\n".join(_pair(build, number)))
    inputs = _inputs(build)
    model = Model(circuit, circuit.with_suffix(".map"), folder / "pair.il", tuple(inputs), True)
    files = " ".join(yosys.quote(path) for path in [*build.verilog, source])
    yosys.run(
        [
            f"read_verilog -sv {files}", f"hierarchy -check -top {TOP}", "proc", "flatten",
            "opt_expr", "opt_clean", "memory -nomap", "memory_map", "opt -full", "techmap",
            "simplemap", "dffunmap", "opt_expr", "opt_merge", "opt_clean",
            # Both start in the same state, whatever reset leaves of it.
            "setundef -undriven -zero", "setundef -init -zero", "aigmap", "opt_clean",
            f"write_aiger -zinit -map {model.symbols} {yosys.quote(circuit)}",
        ],
        folder, "pair",
    )  # fmt: skip
    return decide(model, None, seconds)


def _inputs(build: Build) -> list[Port]:
    return [
        port for port in build.manifest.ports if port.direction == "in" and port.name != SELECT
    ]


def _pair(build: Build, number: int) -> Iterator[str]:
    manifest = build.manifest
    inputs = _inputs(build)
    outputs = [port for port in manifest.ports if port.direction == "out"]
    yield f"module {TOP} ({', '.join(f'input {_span(p)}{p.name}' for p in inputs)},"
    yield "  input clk, output bad);"
    yield "  reg formal_reset = 1;"
    yield "  always @(posedge clk) formal_reset <= 0;"
    shared = [f".{port.name}({port.name})" for port in inputs]
    for copy, select in (("a", number), ("b", 0)):
        for port in outputs:
            yield f"  wire {_span(port)}{copy}__{port.name};"
        wires = [*shared, *(f".{port.name}({copy}__{port.name})" for port in outputs)]
        clock = [f".{name}(clk)" for name in [manifest.clock] if name is not None]
        reset = [f".{name}(formal_reset)" for name in [manifest.reset] if name is not None]
        every = ", ".join([*clock, *reset, *wires, f".{SELECT}(16'd{select})"])
        yield f"  {manifest.top} copy_{copy} ({every});"
    payloads = {s.payload: s.valid for s in manifest.streams if s.direction == "out"}
    differ = []
    for port in outputs:
        term = f"(a__{port.name} != b__{port.name})"
        valid = payloads.get(port.name)
        differ.append(f"(a__{valid} & {term})" if valid is not None else term)
    yield f"  assign bad = ~formal_reset & ({' | '.join(differ)});"
    yield "endmodule\n"


def _span(port: Port) -> str:
    return f"[{port.width - 1}:0] " if port.width > 1 else ""

"""Whether a mutant that no test found can be found at all.

Two circuits get the same inputs from the same state, and a model checker looks for inputs under
which their outputs differ: first the mutated module and its original, by themselves, under any
inputs whatever, then the whole designs. Of those an observer sees streams: a payload counts only
while it is valid. What holds for the module holds for the design; the converse is not so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import CheckFailed, InputError
from ...generators.artifacts import Build, Port
from ..formal.checker import Answer, decide
from ..formal.model import TOP, Model
from ..synthesis import yosys
from .mutants import SELECT

__all__ = ["distinguish", "distinguish_module"]


_MOST_MEMORY = 16_384
"""Bits of memory that a model checker may get as registers, of each copy."""

_CIRCUIT_SECONDS = 120.0
"""Most time to make a circuit of both: one that takes longer is too large to decide."""


@dataclass(frozen=True)
class _Pair:
    """What is compared.

    Attributes
    ----------
    module
        Name in the Verilog.
    inputs, outputs
        Ports, without clock and selector; ``reset`` is driven by the pair where it is named.
    clock, reset
        Names, if there are any.
    valid
        For an output that counts only at times: the output that is 1 then.
    """

    module: str
    inputs: Sequence[Port]
    outputs: Sequence[Port]
    clock: str | None
    reset: str | None
    valid: dict[str, str]


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
        some cycles after reset, and the time was up; or ``unknown``, also where memories are too
        large to be registers, or the circuit is too large to be made.
    """
    manifest = build.manifest
    text = "\n".join(path.read_text() for path in build.verilog)
    if _memory_bits(text, manifest.top) > _MOST_MEMORY:
        return Answer("unknown", "none", 0)
    ports = [port for port in manifest.ports if port.name != SELECT]
    pair = _Pair(
        manifest.top,
        [port for port in ports if port.direction == "in"],
        [port for port in ports if port.direction == "out"],
        manifest.clock, manifest.reset,
        {s.payload: s.valid for s in manifest.streams if s.direction == "out"},
    )  # fmt: skip
    return _decide(build, pair, number, seconds, folder)


def distinguish_module(
    build: Build, module: str, number: int, seconds: float, folder: Path
) -> Answer:
    """Look for inputs of one module that tell its mutant ``number`` from it.

    Reset is an input as any other. ``unknown`` also for a module that cannot be taken by itself.
    """
    text = "\n".join(path.read_text() for path in build.verilog)
    body = _body(text, module)
    if body is None or _memory_bits(text, module) > _MOST_MEMORY:
        return Answer("unknown", "none", 0)
    ports = [
        Port(name, "in" if way == "input" else "out", abs(int(high or 0) - int(low or 0)) + 1)
        for way, high, low, name in re.findall(
            r"^  (input|output)(?: reg)? (?:\[(\d+):(\d+)\] )?(\w+)\s*;", body, re.M
        )
        if name != SELECT
    ]
    clock = build.manifest.clock
    clocked = clock if any(port.name == clock for port in ports) else None
    inputs = [port for port in ports if port.direction == "in" and port.name != clocked]
    outputs = [port for port in ports if port.direction == "out"]
    try:
        pair = _Pair(module, inputs, outputs, clocked, None, {})
        return _decide(build, pair, number, seconds, folder)
    except (CheckFailed, InputError):
        # ABC knows no circuit without inputs, and a claim that is constant needs none.
        return Answer("unknown", "none", 0)


def _body(text: str, module: str) -> str | None:
    found = re.search(rf"^module \\?{re.escape(module)}\s*\(.*?^endmodule", text, re.M | re.S)
    return found[0] if found else None


def _memory_bits(text: str, module: str) -> int:
    """Bits of the memories in a module and all that it holds."""
    body = _body(text, module)
    if body is None:
        return 0
    own = sum(
        (int(high) + 1) * (int(depth) + 1)
        for high, depth in re.findall(r"\breg \[(\d+):0\] \w+ \[(\d+):0\];", body)
    )
    inner = re.findall(r"^  (\w+) \w+ \(", body, re.M)
    return own + sum(_memory_bits(text, each) for each in inner if each != module)


def _decide(build: Build, pair: _Pair, number: int, seconds: float, folder: Path) -> Answer:
    source, circuit = folder / "pair.v", folder / f"pair-{number}.aig"
    source.write_text("\n".join(_verilog(pair, number)))
    model = Model(
        circuit, circuit.with_suffix(".map"), folder / "pair.il", tuple(pair.inputs),
        sequential=pair.clock is not None,
    )  # fmt: skip
    files = " ".join(yosys.quote(path) for path in [*build.verilog, source])
    try:
        yosys.run(
            [
                f"read_verilog -sv {files}", f"hierarchy -check -top {TOP}", "proc", "flatten",
                "opt_expr", "opt_clean", "memory -nomap", "memory_map", "opt_expr", "opt_clean",
                "techmap", "simplemap", "dffunmap", "opt_expr", "opt_merge", "opt_clean",
                # Both start in the same state, whatever reset leaves of it.
                "setundef -undriven -zero", "setundef -init -zero", "aigmap", "opt_clean",
                f"write_aiger -zinit -map {model.symbols} {yosys.quote(circuit)}",
            ],
            folder, "pair", seconds=_CIRCUIT_SECONDS,
        )  # fmt: skip
    except TimeoutError:
        return Answer("unknown", "none", 0)
    return decide(model, None, seconds)


def _verilog(pair: _Pair, number: int) -> Iterator[str]:
    yield f"module {TOP} ({', '.join(f'input {_span(p)}{p.name}' for p in pair.inputs)},"
    yield "  input clk, output bad);" if pair.clock else "  output bad);"
    if pair.clock and pair.reset:
        yield "  reg formal_reset = 1;"
        yield "  always @(posedge clk) formal_reset <= 0;"
    else:
        yield "  wire formal_reset = 0;"
    shared = [f".{port.name}({port.name})" for port in pair.inputs]
    for copy, select in (("a", number), ("b", 0)):
        for port in pair.outputs:
            yield f"  wire {_span(port)}{copy}__{port.name};"
        wires = [*shared, *(f".{port.name}({copy}__{port.name})" for port in pair.outputs)]
        clock = [f".{name}(clk)" for name in [pair.clock] if name is not None]
        reset = [f".{name}(formal_reset)" for name in [pair.reset] if name is not None]
        every = ", ".join([*clock, *reset, *wires, f".{SELECT}(16'd{select})"])
        yield f"  {pair.module} copy_{copy} ({every});"
    differ = []
    for port in pair.outputs:
        term = f"(a__{port.name} != b__{port.name})"
        valid = pair.valid.get(port.name)
        differ.append(f"(a__{valid} & {term})" if valid is not None else term)
    yield f"  assign bad = ~formal_reset & ({' | '.join(differ)});"
    yield "endmodule\n"


def _span(port: Port) -> str:
    return f"[{port.width - 1}:0] " if port.width > 1 else ""

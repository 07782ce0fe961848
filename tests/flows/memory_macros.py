"""Split a design into its logic and its large memories, which a chip has as macros."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gatewright.flows.synthesis.yosys import quote
from gatewright.generators.artifacts import Build, digest

__all__ = ["Split", "split"]

_LARGE = 1024
"""Bits of the smallest memory that is a macro; others are flip-flops."""


@dataclass(frozen=True)
class Split:
    """A design in two parts.

    Parameters
    ----------
    logic
        All but the macros, with their ports among its own: a design to synthesise.
    rest
        Verilog of the top module, which connects the logic with the macros, and of these.
    macros
        How many there are.
    """

    logic: Build
    rest: str
    macros: int


def split(build: Build, folder: Path) -> Split:
    """Take the macros out of a design; the logic is a build in ``folder``."""
    from pyosys import libyosys as ys

    manifest = build.manifest
    top, logic = manifest.top, f"{manifest.top}_logic"
    design = ys.Design()

    def passes(*commands: str) -> None:
        for command in commands:
            design.run_pass(f"tee -q {command}")

    def verilog(name: str, selected: str) -> str:
        path = folder / name
        passes(f"select {selected}", f"write_verilog -noattr -selected {quote(path)}")
        return path.read_text()

    folder.mkdir()
    passes(
        f"read_verilog -sv {' '.join(map(quote, build.verilog))}", f"hierarchy -check -top {top}",
        "proc", "flatten", "opt", "memory -nomap", "opt_clean",
    )  # fmt: skip
    macros = 0
    for cell in dict(design.top_module().cells_).values():
        part = "logic"
        if str(cell.type) == "$mem_v2":
            width, size = (cell.getParam(ys.IdString(f"\\{each}")) for each in ("WIDTH", "SIZE"))
            if width.as_int() * size.as_int() >= _LARGE:
                part = f"macro_{macros}"
                macros += 1
        # The pass names the module of a part after its own.
        cell.set_string_attribute(ys.IdString("\\submod"), part)
    # Wires between parts become ports, whose names synthesis takes as they are.
    module = design.top_module()
    for number, wire in enumerate(dict(module.wires_).values()):
        if wire.port_id == 0:
            module.rename(wire, ys.IdString(f"\\wire_{number}"))
    passes("submod")
    text, rest = verilog(f"{logic}.v", logic), verilog("rest.v", f"* {logic} %d")
    made = replace(manifest, top=logic, verilog=(f"{logic}.v",), hash=digest(text), enums={})
    return Split(Build(folder, made), rest, macros)

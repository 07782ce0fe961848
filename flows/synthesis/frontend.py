"""From Verilog to gates and the library's flip-flops: the part of synthesis that Yosys does.

Front ends differ in how they build multipliers (as an array, or from Booth digits) and adders (with
carry lookahead, or as a ripple chain, which is the smallest), and in whether full adders become the
library's cells or gates. Any may win, so all are tried; where two give the same netlist it counts
once.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ...generators.artifacts import Build, digest
from . import cache, yosys
from .adders import Adders
from .liberty import Cell, Library
from .netlist import Netlist, read_yosys_json

__all__ = ["FRONTS", "fronts", "gates"]

_RIPPLE = Path(__file__).with_name("ripple_carry.v")
_ADDER_CELLS = "full-adders"
_OPTIONS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "booth": ("-booth",),
    "ripple": ("-extra-map", yosys.quote(_RIPPLE)),
    "booth-ripple": ("-booth", "-extra-map", yosys.quote(_RIPPLE)),
}
FRONTS = (*_OPTIONS, *(f"{name}-{_ADDER_CELLS}" for name in _OPTIONS))

# Flip-flops with synchronous reset or enable are no subject of `dfflibmap`: techmap rules by the
# names that constraints/ge.lib gives them. (`dfflegalize` brings all others to these.)
_SYNCHRONOUS = {
    "$_DFF_P_": ("DFF_X1", ""),
    "$_DFFE_PP_": ("DFFE_X1", ".E(E)"),
    "$_SDFF_PP0_": ("DFFR_X1", ".R(R)"),
    "$_SDFF_PP1_": ("DFFS_X1", ".S(R)"),
    "$_SDFFE_PP0P_": ("DFFER_X1", ".E(E), .R(R)"),
    "$_SDFFE_PP1P_": ("DFFES_X1", ".E(E), .S(R)"),
    "$_DFF_PN0_": ("DFFRN_X1", ".RN(R)"),
    "$_DFF_PN1_": ("DFFSN_X1", ".SN(R)"),
}


def fronts(library: Library, quick: bool) -> list[str]:
    """Front ends that can differ with a library; a quick run leaves out the ripple chains."""
    adders = Adders.of(library) is not None
    return [
        name
        for name in FRONTS
        if not (quick and "ripple" in name) and (adders or not name.endswith(_ADDER_CELLS))
    ]


def gates(build: Build, library: Library, front: str, flatten: bool, folder: Path) -> Netlist:
    """Synthesise a build to simple gates, and flip-flops and perhaps adders of `library`.

    Parameters
    ----------
    build
        The design.
    library
        Where flip-flops are taken from.
    front
        One of `FRONTS`.
    flatten
        Whether to dissolve the hierarchy.
    folder
        Where scripts and logs stay.

    Raises
    ------
    InputError
        If Yosys refuses the design, or it needs cells that the library lacks, such as latches.
    """
    top = build.manifest.top
    flops = library.prune(cell.name for cell in _flops(library))
    sources = [path.read_bytes() for path in build.verilog]
    own = _techmap() if library.name == "gatewright_ge" else ""
    commands = _commands(build, front, flatten)
    adders = Adders.of(library) if front.endswith(_ADDER_CELLS) else None
    rule = "" if adders is None else adders.techmap()
    commands += [] if adders is None else adders.commands
    maps = (_RIPPLE.read_bytes(), rule)
    key = digest("gates", flops, own, *maps, yosys.version(), top, *commands[1:], *sources)
    with tempfile.TemporaryDirectory(prefix="gatewright-yosys-") as name:
        work = Path(name)
        result = work / "gates.json"
        data = cache.load(key)
        if data is None:
            (work / "flops.lib").write_text(flops)
            (work / "flops.v").write_text(own)
            (work / "adders.v").write_text(rule)
            if rule:
                commands += [f"techmap -map {yosys.quote(work / 'adders.v')}"]
            if own:
                cells = " ".join(f"-cell {cell} x" for cell in _SYNCHRONOUS)
                rules = yosys.quote(work / "flops.v")
                commands += [f"dfflegalize {cells}", f"techmap -map {rules}"]
            else:
                commands += [f"dfflibmap -liberty {yosys.quote(work / 'flops.lib')}"]
            commands += [
                "opt_expr",
                "opt_clean -purge",
                "simplemap",
                "setundef -zero",
                "opt_clean -purge",
                f"write_json {yosys.quote(result)}",
            ]
            yosys.run(commands, folder, f"yosys-{front}")
            data = result.read_bytes()
            cache.store(key, data)
        result.write_bytes(data)
        return read_yosys_json(result, top, library.cells.__contains__)


def _commands(build: Build, front: str, flatten: bool) -> list[str]:
    top = build.manifest.top
    sources = " ".join(yosys.quote(path) for path in build.verilog)
    options = " ".join(("-noabc", *_OPTIONS[front.removesuffix(f"-{_ADDER_CELLS}")]))
    commands = [
        f"read_verilog -sv {sources}",
        f"hierarchy -check -top {top}",
        "proc",
        "chformal -remove",
        # A standard-cell flip-flop has no initial value; reset must bring it to one.
        "attrmap -remove init",
        f"synth -top {top} {options}",
    ]
    if flatten:
        # Flattening gates instead of words costs a fraction of the time: each distinct module has
        # been worked on once. Constants cross the borders; equal registers are not merged, since
        # control that is registered along an array is so on purpose.
        commands += ["flatten", "opt_expr", "opt_dff", "opt_expr", "opt_clean -purge"]
    return [*commands, "attrmap -remove init"]


def _flops(library: Library) -> list[Cell]:
    """Flip-flops worth using: plain ones, and those whose enable saves a multiplexer's area."""
    flops = library.usable("flop")
    plain = [cell for cell in flops if cell.next_state in cell.pins]
    muxes = [c for c in library.usable("logic") if "mux2" in c.name.lower()]
    if not plain or not muxes:
        return flops
    # A multiplexer outside the flip-flop can merge with other logic, hence the five percent.
    limit = 0.95 * (plain[0].area + muxes[0].area)
    return [cell for cell in flops if cell.next_state in cell.pins or cell.area < limit]


def _techmap() -> str:
    modules = []
    for kind, (cell, pins) in _SYNCHRONOUS.items():
        inputs = "".join(f" input {pin}," for pin in ("E", "R") if f"({pin})" in pins)
        extra = f", {pins}" if pins else ""
        modules.append(
            f"module \\{kind} (input D, C,{inputs} output Q);\n"
            f"  {cell} _TECHMAP_REPLACE_ (.CK(C), .D(D), .Q(Q){extra});\nendmodule\n"
        )
    return "".join(modules)

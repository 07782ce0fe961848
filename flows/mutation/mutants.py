"""Mutants of a design by the hundred, in one simulator build.

Yosys changes one bit somewhere: inverts it, ties it to 0 or 1, or swaps it with another. A mutant
is active while the selector holds its number; with 0 the design is as it was. The selector is read
from a file when the simulation starts, so that the ports stay and any testbench runs as it is.

A module is changed once, for all of its instances: that is a mistake in the source.
"""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...generators.artifacts import Build, Port, digest, write_text
from ..synthesis import yosys

__all__ = ["FILE", "SELECT", "Mutant", "make_mutants"]

SELECT = "mutant_select"
FILE = "mutant.txt"
"""Of the folder that the simulation runs in: the active mutant's number, in hexadecimal."""
_BITS = 16
_DECIDED = {
    "$reduce_and": "cnot0", "$reduce_or": "cnot1", "$reduce_bool": "cnot1", "$logic_not": "cnot1",
}  # fmt: skip
"""Cells that put all bits of an input together, and changes that are made only where another of
these bits has decided."""


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes
    ----------
    number
        From 1 on: what selects it.
    module
        Name in the Verilog.
    mode
        ``inv``, ``const0``, ``const1``, ``cnot0``, ``cnot1``: what happens to the bit.
    where
        Line of the Verilog, ``NAME.v:12``, cell and port that are changed; for ``cnot0`` and
        ``cnot1``, ``by [7]``: the bit of the same port that must be 0 or 1 for that. What is about
        to go into a register is ``to`` that.
    text
        The source of that line.
    idle
        Nothing changes: the bit is the constant that it is tied to, or has no value at all, or the
        one that decides is a constant under which nothing happens; or nobody looks at it: another
        constant decides an AND or an OR, another bit does where the change is made, or it goes into
        a module that does not read it.
    """

    number: int
    module: str
    mode: str
    where: str
    text: str
    idle: bool = False


def make_mutants(
    build: Build, folder: Path, count: int, *, modules: Sequence[str] = (), seed: int = 1
) -> tuple[Build, Build, list[Mutant]]:
    """Make ``count`` mutants of the modules whose names match one of the patterns.

    Parameters
    ----------
    build
        The design.
    folder
        Where the mutated designs go.
    count
        Mutants in all, shared out by the modules' sizes; fewer if there are not so many.
    modules
        Patterns as of a shell; none means all modules.
    seed
        Of the choice.

    Returns
    -------
    tuple
        The design that reads `FILE`, the same with the selector as an input port, and the mutants.

    Raises
    ------
    InputError
        If no module matches, or Yosys refuses the design.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = _chosen(build, modules, count)
    listing, netlist = folder / "mutants.txt", folder / "netlist.json"
    sources = " ".join(yosys.quote(path) for path in build.verilog)
    top = build.manifest.top
    pick = " ".join(chosen)
    prepare = [
        f"read_verilog -sv {sources}", f"hierarchy -check -top {top}", "proc", "opt_expr",
        "opt_clean", "memory_collect", f"select {pick}",
        f"mutate -list {count} -seed {seed} -ctrl {SELECT} {_BITS} 1 -o {listing}",
        "select -clear",
    ]  # fmt: skip
    yosys.run([*prepare, f"write_json {yosys.quote(netlist)}"], folder, "list")
    lines = [line for line in listing.read_text().splitlines() if line.startswith("mutate")]
    if not lines:
        raise InputError(f"modules must hold something to mutate, not {', '.join(chosen)}")
    with_port = folder / "port"
    with_port.mkdir(exist_ok=True)
    target = with_port / f"{top}.v"
    yosys.run(
        [*prepare[:6], *lines, f"write_rtlil {yosys.quote(folder / 'mutated.il')}"], folder, "make"
    )
    _connect(folder, target, top)
    text = target.read_text()
    mutants = _told(lines, build, json.loads(netlist.read_text())["modules"])
    ported = _saved(build, with_port, text, port=True)
    return _saved(build, folder / "file", _reading(text, top), port=False), ported, mutants


def _connect(folder: Path, target: Path, top: str) -> None:
    log = folder / "connect.log"
    arguments = [str(folder / "mutated.il"), str(target), top, SELECT, str(_BITS)]
    with log.open("wb") as stream:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gatewright.flows.mutation.connect", *arguments],
            stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    if done.returncode:
        raise InputError(
            f"mutants must connect, not fail with: {yosys.last_error(log)} (log: {log})"
        )


def _chosen(build: Build, patterns: Sequence[str], count: int) -> list[str]:
    text = "\n".join(path.read_text() for path in build.verilog)
    names = re.findall(r"^module (\w+)", text, re.MULTILINE)
    chosen = [
        name for name in names
        if not patterns or any(fnmatch.fnmatchcase(name, each) for each in patterns)
    ]  # fmt: skip
    if not chosen:
        raise InputError(
            f"modules must match one of {', '.join(names)}, not {', '.join(patterns)}"
        )
    if count < 1 or count >= 1 << _BITS:
        raise InputError(f"count must be in 1 to {(1 << _BITS) - 1}, not {count}")
    return chosen


def _told(
    lines: Sequence[str], build: Build, modules: Mapping[str, Any]
) -> list[Mutant]:  # fmt: skip
    sources = {path.name: path.read_text().splitlines() for path in build.verilog}
    found = []
    for number, line in enumerate(lines, start=1):
        words = dict(re.findall(r"-(\w+) (\S+)", line))
        # The last place is that of the statement, those before are declarations.
        places = re.findall(r"([^/\s]+\.v):(\d+)\.\S*", line)
        known = [(name, int(row)) for name, row in places if name in sources]
        where, text = "", ""
        if known:
            name, row = known[-1]
            where, text = f"{name}:{row} ", sources[name][row - 1].strip()
        pin = f"{words.get('port', '')}[{words.get('portbit', '')}]"
        kind = re.sub(r"[/$].*", "", words.get("cell", "").lstrip("$"))
        wire = f" ({words['wire']}[{words['wirebit']}])" if "wire" in words else ""
        to = _register(words, modules)
        wire += f" to {to}" if to else ""
        when = f" by [{words['ctrlbit']}]" if "ctrlbit" in words else ""
        found.append(
            Mutant(number, words["module"].lstrip("\\"), words["mode"],
                   f"{where}{kind} {pin}{wire}{when}", text, _idle(words, modules))
        )  # fmt: skip
    return found


def _register(words: Mapping[str, str], modules: Mapping[str, Any]) -> str:
    """Return the bit of a register that a changed input goes to; an empty string for others."""
    module, cell = (words[name].lstrip("\\") for name in ("module", "cell"))
    connections = modules[module]["cells"][cell]["connections"]
    if words["port"].lstrip("\\") != "D" or "Q" not in connections:
        return ""
    bit = connections["Q"][int(words["portbit"])]
    return next(
        (f"{name}[{net['bits'].index(bit)}]" for name, net in modules[module]["netnames"].items()
         if not net.get("hide_name") and bit in net["bits"]), "",
    )  # fmt: skip


def _idle(words: Mapping[str, str], modules: Mapping[str, Any]) -> bool:
    module, cell, port = (words[name].lstrip("\\") for name in ("module", "cell", "port"))
    changed = modules[module]["cells"][cell]
    bits, place = changed["connections"][port], int(words["portbit"])
    bit = bits[place]
    if bit == "x" or _unseen(changed, port, place, modules):
        return True
    if words["mode"].startswith("const"):
        return bool(bit == words["mode"][-1])
    if "ctrlbit" not in words:
        return False
    by = int(words["ctrlbit"])
    if words["mode"] == _DECIDED.get(changed["type"]) and by != place:
        return True
    return bits[by] in ("0", "1") and bits[by] != words["mode"][-1]


def _unseen(
    cell: Mapping[str, Any], port: str, place: int, modules: Mapping[str, Any]
) -> bool:  # fmt: skip
    """Tell whether a bit of an input of a cell shows nowhere behind it, whatever its value."""
    kind = cell["type"]
    if kind in ("$and", "$or") and port in ("A", "B"):
        other = "B" if port == "A" else "A"
        bits = cell["connections"][other]
        signed = int(cell["parameters"][f"{other}_SIGNED"], 2)
        beside = bits[place] if place < len(bits) else bits[-1] if signed else "0"
        return bool(beside == ("0" if kind == "$and" else "1"))
    if kind in modules and modules[kind]["ports"][port]["direction"] == "input":
        return _unread(modules, kind, modules[kind]["ports"][port]["bits"][place])
    return False


def _unread(modules: Mapping[str, Any], module: str, bit: object) -> bool:
    """Tell whether nothing in a module reads a bit, nor in the modules within."""
    for port in modules[module]["ports"].values():
        if port["direction"] != "input" and bit in port["bits"]:
            return False
    for cell in modules[module]["cells"].values():
        for name, bits in cell["connections"].items():
            if bit not in bits or cell["port_directions"][name] == "output":
                continue
            places = [place for place, each in enumerate(bits) if each == bit]
            if not all(_unseen(cell, name, place, modules) for place in places):
                return False
    return True


def _reading(text: str, top: str) -> str:
    """The same with the selector of the top read from a file in place of its port."""
    head = re.search(rf"^module \\?{re.escape(top)}\s*\(([^)]*)\);", text, re.MULTILINE)
    if head is None:
        raise InputError(f"the mutated design must hold module {top}")
    ports = [name.strip() for name in head[1].split(",") if name.strip() != SELECT]
    body = text[head.end() :]
    body = re.sub(
        rf"^  input \[{_BITS - 1}:0\] {SELECT}\s*;\n(?:  wire \[{_BITS - 1}:0\] {SELECT};\n)?",
        f"  reg [{_BITS - 1}:0] {SELECT}_file [0:0];\n"
        f"  initial $readmemh(\"{FILE}\", {SELECT}_file);\n"
        f"  wire [{_BITS - 1}:0] {SELECT} = {SELECT}_file[0];\n",
        body, count=1, flags=re.MULTILINE,
    )  # fmt: skip
    return f"{text[: head.start()]}module {top}({', '.join(ports)});{body}"


def _saved(build: Build, folder: Path, text: str, *, port: bool) -> Build:
    name = f"{build.manifest.top}.v"
    select = Port(SELECT, "in", _BITS, meaning="number of the mutant that is active; 0 for none")
    manifest = replace(
        build.manifest, verilog=(name,), hash=digest(text), enums={},
        ports=(*build.manifest.ports, *([select] if port else [])),
    )  # fmt: skip
    write_text(folder / name, text)
    changed = Build(folder, manifest)
    changed.save({})
    return changed

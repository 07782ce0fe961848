"""Bring the selector of mutants down to the modules that have some.

``python -P -m gatewright.flows.mutation.connect IN.il OUT.v TOP PORT BITS``, in a process of its
own: Yosys ends the process on an error.
"""

from __future__ import annotations

import sys
from typing import Any


def main(source: str, target: str, top: str, port: str, bits: int) -> None:
    """Give each module above a mutated one the selector as an input, and connect it."""
    from pyosys import libyosys as ys

    design = ys.Design()
    design.run_pass(f'read_rtlil "{source}"')
    modules = {module.name.str().lstrip("\\"): module for module in design.all_selected_modules()}
    name = ys.IdString("\\" + port)
    inner = {
        key: {
            cell.name.str(): cell.type.str().lstrip("\\")
            for cell in dict(module.cells_).values()
            if cell.type.str().lstrip("\\") in modules
        }
        for key, module in modules.items()
    }
    needing = {key for key, module in modules.items() if module.wire(name) is not None}
    while True:
        more = {key for key, cells in inner.items() if needing & set(cells.values())} - needing
        if not more:
            break
        needing |= more
    for key in [*needing, top]:
        _connect(modules[key], name, bits, needing, ys)
    design.run_pass("opt_clean")
    design.run_pass(f'write_verilog -sv -noattr "{target}"')


def _connect(module: Any, name: Any, bits: int, needing: set[str], ys: Any) -> None:
    wire = module.wire(name)
    if wire is None:
        wire = module.addWire(name, bits)
        wire.port_input = True
        module.fixup_ports()
    for cell in dict(module.cells_).values():
        if cell.type.str().lstrip("\\") in needing:
            cell.setPort(name, ys.SigSpec(wire))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))

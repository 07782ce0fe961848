"""BlockMemory: what it tells a synthesiser, and that block RAM is then all it takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from amaranth.hdl import Module
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gatewright.generators.emission import emit
from gatewright.hw.fabric.memory import BlockMemory
from gatewright.hw.unit import Unit


@dataclass(frozen=True)
class StoreParameters:
    """Whether what is read while it is written matters."""

    exact: bool


class Store(Unit):
    p: StoreParameters

    def __init__(self, p: StoreParameters) -> None:
        super().__init__(p, {
            "write": In(1), "there": In(10), "word": In(32), "read": In(1), "here": In(10),
            "found": Out(32),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        kind = Memory if self.p.exact else BlockMemory
        m.submodules.words = words = kind(shape=32, depth=1024, init=[])
        write, read = words.write_port(), words.read_port()
        m.d.comb += [
            write.en.eq(self.write), write.addr.eq(self.there), write.data.eq(self.word),
            read.en.eq(self.read), read.addr.eq(self.here), self.found.eq(read.data),
        ]
        return m


@pytest.mark.parametrize("exact", [False, True])
def test_block_ram_alone(tmp_path: Path, exact: bool) -> None:
    """A plain memory, which reads the old word, takes lookup tables and flip-flops beside it."""
    from pyosys import libyosys as ys

    verilog = emit(Store(StoreParameters(exact))).verilog
    assert ("  (* no_rw_check *) reg [31:0] words [1023:0];" in verilog) is not exact
    source = tmp_path / "store.v"
    source.write_text(verilog)
    design = ys.Design()
    design.run_pass(f"tee -q read_verilog -sv {source}")
    design.run_pass("tee -q synth_ecp5 -top store")
    cells = Counter(str(cell.type) for cell in design.top_module().cells_.values())
    assert cells.pop("\\DP16KD") == 2
    assert (cells["\\TRELLIS_FF"] + cells["\\LUT4"] > 100) is exact

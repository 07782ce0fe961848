"""ResidueTable: every entry comes back, at once or a cycle later; block RAM is inferred."""

from __future__ import annotations

import random

import pytest
from amaranth.sim import Simulator

from gatewright.generators.emission import emit
from gatewright.hw.modred.reducer import Store
from gatewright.hw.modred.residue_table import ResidueTable, ResidueTableParameters


def random_contents(entries: int, width: int) -> tuple[int, ...]:
    generator = random.Random(f"{entries} {width}")
    return tuple(generator.getrandbits(width) for _ in range(entries))


@pytest.mark.parametrize("store", [Store.LOGIC, Store.BLOCK_RAM])
@pytest.mark.parametrize(("entries", "width"), [(1, 3), (2, 1), (5, 9), (16, 70), (48, 33)])
def test_entries(entries: int, width: int, store: Store) -> None:
    contents = random_contents(entries, width)
    dut = ResidueTable(ResidueTableParameters(contents, width, store))

    async def bench(ctx):
        for address in random.Random(1).choices(range(entries), k=2 * entries):
            ctx.set(dut.address, address)
            if store is Store.BLOCK_RAM:
                ctx.set(dut.enable, 1)
                await ctx.tick()
                ctx.set(dut.enable, 0)  # another address is not read
                ctx.set(dut.address, (address + 1) % entries)
                await ctx.tick()
            assert ctx.get(dut.data) == contents[address]

    simulator = Simulator(dut)
    if store is Store.BLOCK_RAM:
        simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("entries", "width", "store", "cells"),
    [
        (16, 24, Store.LOGIC, {"LUT4": 24}),
        (128, 8, Store.LOGIC, {"LUT4": 64}),
        (512, 72, Store.BLOCK_RAM, {"DP16KD": 2}),
    ],
)
def test_ecp5_cells(tmp_path, entries: int, width: int, store: Store, cells: dict) -> None:
    ys = pytest.importorskip("pyosys.libyosys", reason="pyosys is not installed")
    table = ResidueTable(ResidueTableParameters(random_contents(entries, width), width, store))
    emission = emit(table)
    assert ('ram_style = "block"' in emission.verilog) is (store is Store.BLOCK_RAM)
    (tmp_path / "table.v").write_text(emission.verilog)
    design = ys.Design()
    for command in (
        f"read_verilog -sv {tmp_path}/table.v", f"synth_ecp5 -top {emission.top}",
        f"tee -q -o {tmp_path}/cells.txt stat",
    ):  # fmt: skip
        design.run_pass(f"tee -q {command}")
    found = {
        line.split()[-1]: int(line.split()[0])
        for line in (tmp_path / "cells.txt").read_text().splitlines()
        if line.split()[-1:] and line.split()[-1] in ("LUT4", "DP16KD")
    }
    design.run_pass("tee -q delete")
    assert found == cells


@pytest.mark.parametrize(
    ("contents", "width", "store", "message"),
    [
        ((), 4, Store.LOGIC, "contents must hold at least one entry, not none"),
        ((3, 16), 4, Store.LOGIC, "contents must be from 0 to 2^4 - 1, not 16"),
        ((3, -1), 4, Store.LOGIC, "contents must be from 0 to 2^4 - 1, not -1"),
        ((0,), 0, Store.LOGIC, "width must be at least 1, not 0"),
        ((0,), 1, Store.WRITABLE, "store must be LOGIC or BLOCK_RAM, not WRITABLE"),
    ],
)
def test_refused(contents, width, store, message) -> None:
    with pytest.raises(ValueError) as caught:
        ResidueTableParameters(contents, width, store)
    assert str(caught.value) == message

"""Emission: one module per distinct unit, readable, reproducible, and equal to the raw netlist."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out

from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.emission import emit
from gatewright.generators.netlist import clean
from gatewright.generators.registry import find
from gatewright.hw.unit import Library, Unit

CONFIGS = {
    "digit": ["rows=2", "cols=3", "share=2", "max_k=15"],
    "shift-codes": ["rows=2", "cols=2", "share=1", "pe=shift", "output=codes", "max_k=15"],
    "naive": ["rows=1", "cols=2", "pe=naive", "types=int,flint,pot,float", "bias_bits=0"],
    "plain": ["rows=2", "cols=1", "pe=plain", "types=int", "activation_sign=signed", "max_k=7"],
}


def unit(overrides: list[str]) -> Unit:
    flint = find("flint")
    return flint.build(load_config(flint.config(), None, overrides))


def raw_rtlil(top: Unit, name: str) -> str:
    library = Library(lambda u, n, lib: rtlil.convert(u, name=n, platform=lib, emit_src=False))
    library.require(top)
    return library.text(name)


def prove_equal(top: Unit, verilog: str, name: str, folder: Path) -> dict[str, str]:
    """Prove each module of Amaranth's netlist equal to its module of ``verilog``, by induction.

    Returns the verdict of each module. What an instance drives is a free input of its parent on
    both sides, and what drives the instance must be equal: so the modules together prove the
    design. Registers are paired by name; ``clean`` tells what it called them.
    """
    from pyosys import libyosys as ys

    raw, cleaned = folder / "raw.il", folder / "clean.v"
    raw.write_text(raw_rtlil(top, name))
    cleaned.write_text(verilog)
    design = ys.Design()

    def run(command: str) -> None:
        design.run_pass(f"tee -q {command}")

    run(f"read_rtlil {raw}")
    run(f"hierarchy -check -top {name}")
    renamed = clean(design)
    modules = sorted(str(module.name)[1:] for module in design.all_selected_modules())
    run("delete")

    for side, read in (("gold", f"read_rtlil {raw}"), ("gate", f"read_verilog -sv {cleaned}")):
        run(read)
        run(f"hierarchy -check -top {name}")
        run("proc")
        for module in design.all_selected_modules():
            if side == "gold":
                _rename_back(module, renamed.get(str(module.name)[1:], {}))
            _cut_instances(module, set(modules))
        # Power-up values are dropped on purpose; the proof must hold without them.
        run("setattr -unset init w:*")
        run("memory -nomap")
        run("memory_map")
        run("opt_expr")
        run("dffunmap")
        if side == "gate":
            for module in design.all_selected_modules():
                _hide_combinational_nets(module)
        for module in modules:
            run(f"rename {module} {side}_{module}")
        run(f"design -stash {side}")
    verdicts = {}
    for module in modules:
        for side in ("gold", "gate"):
            run(f"design -copy-from {side} {side}_{module}")
        run(f"equiv_make gold_{module} gate_{module} equal")
        run("hierarchy -top equal")
        run("equiv_simple -undef")
        run("equiv_induct -undef")
        log = folder / f"{module}.log"
        design.run_pass(f"tee -q -o {log} equiv_status")
        verdicts[module] = log.read_text()
        run("delete")
    return verdicts


def _rename_back(module: Any, renamed: dict[str, str]) -> None:
    from pyosys import libyosys as ys

    for new, old in renamed.items():
        cell = module.cell(ys.IdString(old))
        if cell is not None:
            module.rename(cell, ys.IdString(f"\\{new}"))
            continue
        wire = module.wire(ys.IdString(old))
        if not old.startswith("\\") or wire is None:
            continue
        taken = module.wire(ys.IdString(f"\\{new}"))
        if taken is not None:
            module.rename(taken, ys.IdString(f"$old${new}"))
        module.rename(wire, ys.IdString(f"\\{new}"))


def _hide_combinational_nets(module: Any) -> None:
    """Compare registers and ports only: a net may have bits that nothing reads."""
    from pyosys import libyosys as ys

    registers = {
        str(signal.as_wire().name)
        for cell in dict(module.cells_).values() if str(cell.type) == "$dff"
        for signal in [cell.getPort(ys.IdString("\\Q"))] if signal.is_wire()
    }
    for wire in list(dict(module.wires_).values()):
        name = str(wire.name)
        if not (wire.port_input or wire.port_output or name in registers or name[0] == "$"):
            module.rename(wire, ys.IdString(f"$hidden${name[1:]}"))


def _cut_instances(module: Any, modules: set[str]) -> None:
    from pyosys import libyosys as ys

    for cell in list(dict(module.cells_).values()):
        if str(cell.type)[1:] not in modules:
            continue
        for port, signal in dict(cell.connections()).items():
            if str(port) in ("\\clk", "\\rst") or signal.size() == 0:
                continue
            end = module.addWire(ys.IdString(f"{cell.name}:{str(port)[1:]}"), signal.size())
            if cell.output(port):
                end.port_input = True
                module.connect(signal, ys.SigSpec(end))
            else:
                end.port_output = True
                module.connect(ys.SigSpec(end), signal)
        module.remove(cell)
    if module.wire(ys.IdString("\\rst")) is None:
        # Cleaning drops the reset of a module that has nothing to reset.
        module.addWire(ys.IdString("\\rst"), 1).port_input = True
    module.fixup_ports()


PROVEN = "Equivalence successfully proven"


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", CONFIGS)
def test_cleaned_netlist_equals_raw(name: str, tmp_path: Path) -> None:
    top = unit(CONFIGS[name])
    verdicts = prove_equal(top, emit(top, name="top").verilog, "top", tmp_path)
    assert {"top", "controller", "processing_element"} <= set(verdicts)
    for module, status in verdicts.items():
        assert re.search(r"Found [1-9]\d* \$equiv cells", status), (module, status)
        assert PROVEN in status, (module, status)


def test_the_proof_can_fail(tmp_path: Path) -> None:
    top = unit(CONFIGS["plain"])
    verilog = emit(top, name="top").verilog
    wrong = verilog.replace(
        "$signed(activation) * $signed(weight)", "$signed(activation) + $signed(weight)"
    )
    assert wrong != verilog
    verdicts = prove_equal(top, wrong, "top", tmp_path)
    assert [module for module in verdicts if PROVEN not in verdicts[module]] == [
        "processing_element"
    ]


@pytest.mark.parametrize("name", CONFIGS)
def test_reads_as_written_by_hand(name: str) -> None:
    emission = emit(unit(CONFIGS[name]))
    assert "\\" not in emission.verilog
    assert "$" not in re.sub(r"\$(?:un)?signed", "", emission.verilog)
    assert len(set(emission.modules)) == len(emission.modules)
    assert emission.verilog.count("module processing_element (") == 1


def test_size_of_a_large_array() -> None:
    emission = emit(unit(["rows=32", "cols=32", "activation_sign=signed"]))
    assert len(emission.verilog) <= 32_000


def test_same_bytes_in_any_process(tmp_path: Path) -> None:
    texts = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        code = (
            "import sys; from pathlib import Path\n"
            "from gatewright.generators.registry import find\n"
            "from gatewright.generators.build import build_design\n"
            "flint = find('flint')\n"
            "build_design(flint, flint.config()(rows=3, cols=5, output='codes'), "
            "Path(sys.argv[1]))\n"
        )
        subprocess.run(
            [sys.executable, "-c", code, str(folder)], check=True, cwd=tmp_path,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        )
        texts.append([path.read_bytes() for path in sorted(folder.iterdir())])
    assert texts[0] == texts[1]


@dataclass(frozen=True)
class AdderParameters:
    width: int


class Adder(Unit):
    """Sum of two numbers, and whether it is zero."""

    def __init__(self, p: AdderParameters) -> None:
        super().__init__(p, {"a": In(p.width), "b": In(p.width), "sum": Out(p.width)})

    def body(self) -> Module:
        m = Module()
        m.d.comb += self.sum.eq(self.a + self.b)
        return m


@dataclass(frozen=True)
class TreeParameters:
    wide: int
    narrow: int


class Tree(Unit):
    def __init__(self, p: TreeParameters) -> None:
        super().__init__(p, {"x": In(8), "y": Out(8)})

    def body(self) -> Module:
        m = Module()
        total = self.x
        for index, width in enumerate([self.p.wide, self.p.wide, self.p.narrow]):
            m.submodules[f"adder_{index}"] = adder = Adder(AdderParameters(width))
            m.d.comb += [adder.a.eq(total), adder.b.eq(self.x)]
            total = adder.sum
        register = Signal(8)
        m.d.sync += register.eq(total)
        m.d.comb += self.y.eq(register)
        return m


def test_modules_are_shared_and_named_by_what_differs() -> None:
    emission = emit(Tree(TreeParameters(8, 4)))
    assert set(emission.modules) == {"tree", "adder_width_8", "adder_width_4"}
    emission = emit(Tree(TreeParameters(8, 8)))
    assert set(emission.modules) == {"tree", "adder"}
    assert "rst" not in emission.verilog.split("module adder (")[1].split(");")[0]


class Counter(Unit):
    """A register that is cleared by more than its reset."""

    def __init__(self, p: AdderParameters) -> None:
        super().__init__(p, {"restart": In(1), "rewind": In(1), "count": Out(p.width)})

    def body(self) -> Module:
        m = Module()
        with m.If(self.restart | self.rewind):
            m.d.sync += self.count.eq(0)
        with m.Else():
            m.d.sync += self.count.eq(self.count + 1)
        return m


class Counters(Unit):
    def __init__(self, p: AdderParameters) -> None:
        super().__init__(p, {"restart": In(1), "count": Out(p.width)})

    def body(self) -> Module:
        m = Module()
        m.submodules.counter = counter = Counter(self.p)
        m.d.comb += [
            counter.restart.eq(self.restart), counter.rewind.eq(counter.count[-1]),
            self.count.eq(counter.count),
        ]  # fmt: skip
        return m


def test_reset_stays_where_it_is_joined_with_conditions() -> None:
    source = emit(Counters(AdderParameters(4))).verilog
    ports, body = source.split("module counter (")[1].split(");", 1)
    assert "input rst" in ports
    assert "rst" in body.split("endmodule")[0]


def test_top_without_registers_can_have_a_clock() -> None:
    plain, clocked = (emit(Adder(AdderParameters(4)), clocked=each).verilog for each in (0, 1))
    assert "clk" not in plain and "rst" not in plain
    assert re.search(r"module adder \(\s*input clk,\s*input rst,\s*input \[3:0\]", clocked)


def test_parameters_must_be_hashable() -> None:
    @dataclass
    class Loose:
        width: int

    with pytest.raises(TypeError, match=r"^p must be an instance of a frozen dataclass, not "):
        Adder(Loose(3))  # type: ignore[arg-type]


def test_equal_parameters_give_equal_bodies() -> None:
    """Everything that changes a unit's body is in its parameters."""
    for overrides in CONFIGS.values():
        assert raw_rtlil(unit(overrides), "top") == raw_rtlil(unit(overrides), "top")


@pytest.mark.skipif(which("iverilog") is None, reason="iverilog is not installed")
def test_icarus_reads_it(tmp_path: Path) -> None:
    flint = find("flint")
    build = build_design(flint, flint.config()(rows=3, cols=2, output="codes"), tmp_path)
    subprocess.run(
        ["iverilog", "-g2012", "-Wall", "-o", str(tmp_path / "a.out"), *map(str, build.verilog)],
        check=True,
    )


def test_keywords_are_refused() -> None:
    line = r"^design: name must be no Verilog keyword, not 'design'$"
    with pytest.raises(ValueError, match=line):
        emit(Adder(AdderParameters(2)), name="design")

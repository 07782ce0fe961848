"""Mutants are what their list says, are off by default, and are told apart where they can be."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.flows.mutation import equivalence
from gatewright.flows.mutation.equivalence import distinguish
from gatewright.flows.mutation.mutants import FILE, SELECT, _idle, _register, make_mutants
from gatewright.flows.simulation.batched import BatchedModel
from gatewright.generators.artifacts import Build
from gatewright.generators.build import build_design
from gatewright.generators.modred import generator
from gatewright.generators.modred.config import ModredConfig


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Build:
    config = ModredConfig(modulus=29, architecture="lut", pipeline="none")
    return build_design(generator, config, tmp_path_factory.mktemp("design"))


def test_each_number_is_one_change(design: Build, tmp_path: Path) -> None:
    _, ported, mutants = make_mutants(design, tmp_path, 12)
    assert [mutant.number for mutant in mutants] == list(range(1, 13))
    for mutant in mutants:
        assert mutant.module and mutant.mode and f"{design.manifest.top}.v:" in mutant.where
        assert (" by [" in mutant.where) == mutant.mode.startswith("cnot")
        assert mutant.text
    model = BatchedModel(ported)
    xs = np.arange(1024)
    beats = model.pack("i", {"x": xs})

    def residues(number: int) -> np.ndarray:
        run = model.run_streams({"i": beats}, {"o": 1024}, ports={SELECT: number}, watchdog=64)
        return model.unpack("o", run.outputs["o"])["r"]

    assert (residues(0) == xs % 29).all()
    wrong = [mutant.number for mutant in mutants if (residues(mutant.number) != xs % 29).any()]
    assert len(wrong) >= 6
    # What differs in simulation is told apart, and what is told the same does not differ.
    verdicts = {
        number: distinguish(ported, number, 20, tmp_path).verdict
        for number in (wrong[0], *[m.number for m in mutants if m.number not in wrong][:2])
    }
    assert verdicts.pop(wrong[0]) == "refuted"
    assert "refuted" not in verdicts.values()


def test_the_same_seed_gives_the_same_mutants(design: Build, tmp_path: Path) -> None:
    runs = [make_mutants(design, tmp_path / str(k), 5, seed=3)[2] for k in range(2)]
    assert runs[0] == runs[1]


def test_the_number_comes_from_a_file(design: Build, tmp_path: Path) -> None:
    filed, _, _ = make_mutants(design, tmp_path, 3)
    text = filed.verilog[0].read_text()
    assert f'$readmemh("{FILE}", {SELECT}_file)' in text
    (top,) = re.findall(
        rf"^module {design.manifest.top}\(.*?^endmodule", text, re.MULTILINE | re.DOTALL
    )
    assert f"input [15:0] {SELECT}" not in top
    assert [port.name for port in filed.manifest.ports] == [
        port.name for port in design.manifest.ports
    ]


@pytest.mark.parametrize(
    ("count", "modules", "told"),
    [(3, ["nope"], r"^modules must match one of"), (0, [], r"^count must be in 1 to 65535")],
)
def test_refused(
    design: Build, tmp_path: Path, count: int, modules: list[str], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        make_mutants(design, tmp_path, count, modules=modules)


def test_a_circuit_that_takes_too_long_is_not_decided(
    design: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ported, (mutant,) = make_mutants(design, tmp_path, 1)
    monkeypatch.setattr(equivalence, "_CIRCUIT_SECONDS", 0.01)
    assert distinguish(ported, mutant.number, 20, tmp_path).verdict == "unknown"


@pytest.mark.parametrize(("mode", "bit", "by", "idle"), [
    ("const0", 0, None, True), ("const1", 0, None, False), ("const0", 1, None, False),
    ("const1", 1, None, True), ("inv", 0, None, False), ("inv", 2, None, True),
    ("const1", 3, None, False), ("cnot1", 3, 0, True), ("cnot0", 3, 0, False),
    ("cnot0", 3, 1, True), ("cnot1", 3, 2, False),
])  # fmt: skip
def test_a_constant_that_stays_is_no_change(
    mode: str, bit: int, by: int | None, idle: bool
) -> None:  # fmt: skip
    """Bits of the pin: 0, 1, no value, and a wire."""
    modules = {"m": {"cells": {"$mux": {"type": "$mux", "connections": {"A": ["0", "1", "x", 7]}}}}}
    words = {"module": "\\m", "cell": "$mux", "port": "\\A", "portbit": str(bit), "mode": mode}
    words |= {} if by is None else {"ctrlbit": str(by)}
    assert _idle(words, modules) == idle


@pytest.mark.parametrize(("kind", "mode", "by", "idle"), [
    ("reduce_or", "cnot1", 0, True), ("reduce_or", "cnot0", 0, False),
    ("reduce_and", "cnot0", 0, True), ("reduce_and", "cnot1", 0, False),
    ("reduce_bool", "cnot1", 0, True), ("logic_not", "cnot1", 0, True),
    ("logic_not", "cnot1", 1, False), ("reduce_xor", "cnot1", 0, False), ("not", "cnot1", 0, False),
])  # fmt: skip
def test_another_bit_has_decided(kind: str, mode: str, by: int, idle: bool) -> None:
    """The second bit of an input, changed by the first one or by itself."""
    modules = {"m": {"cells": {"one": {"type": f"${kind}", "connections": {"A": [5, 6]}}}}}
    words = {"module": "\\m", "cell": "one", "port": "\\A", "portbit": "1", "mode": mode,
             "ctrlbit": str(by)}  # fmt: skip
    assert _idle(words, modules) == idle


@pytest.mark.parametrize(("port", "bit", "name"), [
    ("\\D", 1, "aside[5]"), ("\\D", 0, ""), ("\\CLK", 0, ""), ("\\Q", 1, ""),
])  # fmt: skip
def test_the_register_behind_an_input_is_named(port: str, bit: int, name: str) -> None:
    names = {"$1": {"bits": [8, 9], "hide_name": 1}, "aside": {"bits": [0, 0, 0, 0, 0, 9]}}
    connections = {"D": [3, 4], "Q": [8, 9], "CLK": [2]}
    modules = {"m": {"cells": {"$ff": {"connections": connections}}, "netnames": names}}
    words = {"module": "\\m", "cell": "$ff", "port": port, "portbit": str(bit)}
    assert _register(words, modules) == name


@pytest.mark.parametrize(("cell", "port", "bit", "unseen"), [
    ("and", "A", 0, True), ("and", "A", 1, False), ("and", "A", 2, True), ("or", "A", 0, False),
    ("or", "A", 1, True), ("or", "A", 2, False), ("child", "i", 0, False), ("child", "i", 1, True),
    ("child", "i", 2, True), ("child", "o", 0, False),
])  # fmt: skip
def test_what_nobody_looks_at_is_no_change(cell: str, port: str, bit: int, unseen: bool) -> None:
    """The other input of AND and OR is 0 and 1, and ends; of its input the child reads bit 0, and a
    grandchild takes bit 1 and reads nothing."""
    gate = {"connections": {"A": [5, 6, 7], "B": ["0", "1"]}, "parameters": {"B_SIGNED": "0"}}
    within = {"type": "grandchild", "connections": {"i": [3]}, "port_directions": {"i": "input"}}
    read = {"type": "$not", "connections": {"A": [2], "Y": [9]},
            "port_directions": {"A": "input", "Y": "output"}}  # fmt: skip
    modules = {
        "m": {"cells": {"and": {"type": "$and", **gate}, "or": {"type": "$or", **gate},
                        "child": {"type": "child", "connections": {"i": [5, 6, 7], "o": [8]}}}},
        "child": {"cells": {"a": within, "b": read}, "ports": {
            "i": {"direction": "input", "bits": [2, 3, 4]},
            "o": {"direction": "output", "bits": [9]}}},
        "grandchild": {"cells": {}, "ports": {"i": {"direction": "input", "bits": [2]}}},
    }  # fmt: skip
    words = {"module": "\\m", "cell": cell, "port": f"\\{port}", "portbit": str(bit), "mode": "inv"}
    assert _idle(words, modules) == unseen

"""A testbench runs on many mutants in one process, and each is judged for itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gatewright.errors import InputError
from gatewright.flows.mutation.campaign import run_mutants
from gatewright.flows.mutation.equivalence import distinguish_module
from gatewright.flows.mutation.excuses import Excuse, load_excuses, read_excuses
from gatewright.flows.mutation.mutants import Mutant, make_mutants
from gatewright.flows.mutation.outcomes import Outcomes
from gatewright.generators.artifacts import Build
from gatewright.generators.build import build_design
from gatewright.generators.modred import generator
from gatewright.generators.modred.config import ModredConfig
from gatewright.generators.registry import find, generators

needs_icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="iverilog not installed")
TABLE = Mutant(3, "residue_table_1", "const0", "lut.v:9 ternary Y[2] (entry[2])", "assign x = y;")


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Build:
    config = ModredConfig(modulus=29, architecture="lut")
    return build_design(generator, config, tmp_path_factory.mktemp("design"))


@needs_icarus
def test_mutants_run_in_copies_of_one_process(design: Build, tmp_path: Path) -> None:
    filed, ported, mutants = make_mutants(design, tmp_path, 8)
    module = design.manifest.testbench
    assert module is not None
    told: list[int] = []
    kept = Outcomes(tmp_path / "outcomes.json", "key")
    run = run_mutants(
        filed, module, "icarus", mutants, tmp_path / "run", seed=1, seconds=300, jobs=2,
        outcomes=kept, progress=told.append,
    )  # fmt: skip
    found = [mutant.number for mutant, _ in run.killed]
    assert sorted([*found, *(m.number for m in run.alive)]) == list(range(1, 9))
    assert len(found) >= 4
    assert {test for _, test in run.killed} <= {
        "corners", "documented_cycles", "random_traffic", "reset_mid_stream"
    }
    assert run.first_result is not None and run.first_result < 30
    # What was found is kept: another run, as after an interruption, runs what is missing.
    again = Outcomes.read(tmp_path / "outcomes.json", "key")
    assert again == kept and set(again.found) == set(range(9))
    assert Outcomes.read(tmp_path / "outcomes.json", "another").found == {}
    for number in (2, 5):
        del again.found[number]
    rest = run_mutants(
        filed, module, "icarus", mutants, tmp_path / "rest", seed=1, seconds=300, outcomes=again
    )
    assert rest == run
    assert {path.name for path in (tmp_path / "rest" / "runs").iterdir()} == {"0", "2", "5"}
    # What a module's own inputs cannot tell apart, no test of the design finds.
    killed = next(mutant for mutant, _ in run.killed)
    answer = distinguish_module(ported, killed.module, killed.number, 10, tmp_path)
    assert answer.verdict == "refuted"


def test_every_excuse_of_the_house_can_be_read() -> None:
    for name in generators():
        fields = find(name).config().model_fields
        for excuse in load_excuses(name):
            assert len(excuse.reason) > 20
            assert set(excuse.config) <= set(fields), excuse


def test_an_excuse_is_of_a_place_and_a_change(tmp_path: Path) -> None:
    path = tmp_path / "survivors.yaml"
    path.write_text(
        "- module: residue_table_1\n  text: 'x = y'\n  modes: [const0]\n  pin: 'entry\\['\n"
        "  config: {modulus: 29}\n  equivalent: true\n  reason: nobody looks\n"
    )
    (excuse,) = read_excuses(path)
    assert excuse == Excuse(
        "residue_table_1", "x = y", "nobody looks", ("const0",), r"entry\[", {"modulus": 29}, True
    )
    config = {"modulus": 29, "width": 8}
    assert excuse.of(TABLE, config)
    assert not excuse.of(TABLE, config | {"modulus": 31})
    for other in (
        {"module": "residue_table_2"}, {"mode": "const1"}, {"text": "assign z = y;"},
        {"where": "lut.v:9 ternary Y[2]"},
    ):  # fmt: skip
        assert not excuse.of(Mutant(**{**vars(TABLE), **other}), config)


@pytest.mark.parametrize("text", ["- module: a\n", "- reason: x\n  nobody: 1\n", "- 3\n",
    "- module: a\n  text: b\n  reason: c\n  config: 5\n",
])
def test_an_excuse_without_its_parts_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "survivors.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"^survivors.yaml\[0\] must"):
        read_excuses(path)

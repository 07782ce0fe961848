"""Any settings make a design or one line of refusal; `make soak` simulates small designs.

What a soak finds is kept in `fuzz_cases.json`: `make test` emits those designs, or sees them
refused, and a soak simulates them. A soak goes on where the last one stopped (`build/fuzz`);
GATEWRIGHT_SOAK_SECONDS is its time for each generator, GATEWRIGHT_SOAK_SEED chooses other designs.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators import registry
from gatewright.generators.config import load_config

from .fuzz import FAULTS, as_params, configs, spoiled
from .fuzz_designs import DESIGNS, designs
from .fuzz_soak import RECORDS, emitted, refused, simulated, soak

CASES = json.loads(Path(__file__).with_name("fuzz_cases.json").read_text())
SECONDS = float(os.environ.get("GATEWRIGHT_SOAK_SECONDS", "60"))
SEED = os.environ.get("GATEWRIGHT_SOAK_SEED", "1")
FEW = settings(
    max_examples=25, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(DESIGNS))
def test_any_settings_are_a_config_or_refused_in_one_line(name: str) -> None:
    legal = []

    @FEW
    @given(st.one_of(configs(name), designs(name)))
    def tried(chosen: dict[str, Any]) -> None:
        legal.append(False)
        try:
            config = load_config(registry.find(name).config(), None, as_params(chosen))
        except InputError as error:
            assert "\n" not in str(error) and str(error).strip(), chosen
            return
        legal[-1] = True
        again = load_config(type(config), None, as_params(config.model_dump(mode="json")))
        assert again == config, "a config that was written out must be the same again"

    tried()
    assert sum(legal) > len(legal) // 5, "the strategies must find legal configs"


@pytest.mark.parametrize("name", sorted(DESIGNS))
def test_settings_with_a_fault_are_refused(tmp_path: Path, name: str) -> None:
    met = set()

    @FEW
    @given(spoiled(name))
    def tried(told: tuple[str, list[str]]) -> None:
        fault, params = told
        met.add(fault)
        folder = tmp_path / "design"
        problem = refused(*emitted(name, params, folder), folder)
        assert problem is None, f"{fault}: {params}: {problem}"

    tried()
    assert len(met) > len(FAULTS) // 2


@pytest.mark.parametrize(
    ("name", "chosen", "legal"), CASES, ids=lambda value: str(value).replace(" ", "")[:60]
)
def test_cases_that_were_found(
    tmp_path: Path, name: str, chosen: dict[str, Any], legal: bool
) -> None:
    if legal and name in ("gnn", "salo"):  # whose Verilog takes seconds; soaks emit it
        load_config(registry.find(name).config(), None, as_params(chosen))
        return
    folder = tmp_path / "design"
    code, said = emitted(name, as_params(chosen), folder)
    if legal:
        assert code == 0, f"a kept case must stay legal: {said}"
    else:
        assert refused(code, said, folder) is None


@pytest.mark.soak
@pytest.mark.parametrize(
    ("name", "chosen"), [case[:2] for case in CASES if case[2]],
    ids=lambda value: str(value).replace(" ", "")[:60],
)  # fmt: skip
def test_cases_simulated(tmp_path: Path, name: str, chosen: dict[str, Any]) -> None:
    folder = tmp_path / "design"
    assert emitted(name, as_params(chosen), folder)[0] == 0
    for number in range(3):  # of long testbenches each runs other tests
        assert not simulated(folder, number)["wrong"]


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(DESIGNS))
def test_random_small_designs(name: str) -> None:
    before = RECORDS / f"{name}-{SEED}.json"
    tried = json.loads(before.read_bytes())["tried"] if before.exists() else 0
    record = soak(name, SEED, seconds=SECONDS)
    assert not record["failures"], f"add to fuzz_cases.json: {json.dumps(record['failures'])}"
    assert record["tried"] > tried, "the time must be enough for a design"

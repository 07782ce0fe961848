"""Any settings make a config or one line of refusal; `make soak` simulates small legal ones.

What a soak finds is added to `fuzz_cases.json`, so that every later soak begins with it.
GATEWRIGHT_SOAK_SECONDS is the time for each generator; GATEWRIGHT_SOAK_SEED chooses other configs.
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from gatewright.errors import CheckFailed, InputError
from gatewright.flows.simulation.simulate import simulate
from gatewright.generators import registry
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config

from .fuzz import ALWAYS, as_params, configs

GENERATORS = ("flint", "gnn", "modred", "salo", "tpe")
CASES = json.loads(Path(__file__).with_name("fuzz_cases.json").read_text())
SECONDS = float(os.environ.get("GATEWRIGHT_SOAK_SECONDS", "60"))
SEED = os.environ.get("GATEWRIGHT_SOAK_SEED", "0")
RECORD = Path("build") / "fuzz"


def loaded(name: str, chosen: dict[str, Any]) -> Any | None:
    """The config, or None if it is refused as it should be."""
    try:
        return load_config(registry.find(name).config(), None, as_params(chosen))
    except InputError as error:
        assert "\n" not in str(error) and str(error).strip(), chosen
        return None


@pytest.mark.parametrize("name", GENERATORS)
def test_any_settings_are_a_config_or_refused_in_one_line(name: str) -> None:
    legal = []

    @settings(
        max_examples=25, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.data())
    def tried(data: st.DataObject) -> None:
        small = data.draw(st.booleans())
        config = loaded(name, data.draw(configs(name, small=small)))
        legal.append(config is not None)
        if config is not None:
            again = load_config(type(config), None, as_params(config.model_dump(mode="json")))
            assert again == config, "a config that was written out must be the same again"

    tried()
    assert sum(legal) > 0, "the strategies must find legal configs"


@pytest.mark.parametrize("name", GENERATORS)
def test_an_unknown_field_is_refused(name: str) -> None:
    chosen = {**ALWAYS[name], "colour": 1}
    with pytest.raises(InputError, match=r"^-p: field must be one of .*, not 'colour'"):
        load_config(registry.find(name).config(), None, as_params(chosen))


def drawn(name: str, number: int) -> dict[str, Any]:
    """The small settings of a number, always the same."""
    found: list[dict[str, Any]] = []

    @seed(number)
    @settings(max_examples=2, database=None, deadline=None)
    @given(configs(name, small=True))
    def draw(chosen: dict[str, Any]) -> None:
        found.append(chosen)

    draw()
    # The first is the simplest there is, whatever the seed.
    return found[-1]


def simulated(name: str, chosen: dict[str, Any], folder: Path, number: int) -> bool:
    """Simulate what is legal; whether it was."""
    config = loaded(name, chosen)
    if config is None:
        return False
    generator = registry.find(name)
    build = build_design(generator, config, folder)
    simulate(build, seed=number, out=folder / "sim")
    return True


@pytest.mark.soak
@pytest.mark.parametrize(("name", "chosen"), CASES, ids=lambda value: str(value)[:60])
def test_cases_that_were_found(tmp_path: Path, name: str, chosen: dict[str, Any]) -> None:
    assert simulated(name, chosen, tmp_path, 0), "a kept case must stay legal"


@pytest.mark.soak
@pytest.mark.parametrize("name", GENERATORS)
def test_random_small_designs(tmp_path: Path, name: str) -> None:
    began = time.monotonic()
    rng = random.Random(f"{SEED}/{name}")
    counts = {"legal": 0, "refused": 0}
    failed: list[Any] = []
    while time.monotonic() - began < SECONDS:
        chosen = drawn(name, rng.getrandbits(64))
        number = counts["legal"] + counts["refused"]
        try:
            legal = simulated(name, chosen, tmp_path / str(number), number)
        except CheckFailed as failure:
            failed.append([name, chosen, str(failure).splitlines()[:2]])
            legal = True
        counts["legal" if legal else "refused"] += 1
    RECORD.mkdir(parents=True, exist_ok=True)
    told = counts | {"failed": failed, "seconds": SECONDS, "seed": SEED}
    (RECORD / f"{name}-{SEED}.json").write_text(json.dumps(told, indent=2) + "\n")
    assert not failed, f"add to fuzz_cases.json: {json.dumps(failed)}"
    assert counts["legal"], "the time must be enough for a design"

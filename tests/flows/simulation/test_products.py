"""Matrix products on the Verilog of engines: against torch, in the cycles of the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gatewright.errors import CheckFailed, InputError
from gatewright.flows.simulation import products
from gatewright.flows.simulation.batched import BatchedModel
from gatewright.flows.simulation.products import golden_product, multiply, passes
from gatewright.generators.artifacts import Build
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.tpe import generator
from gatewright.generators.tpe.config import TpeConfig
from gatewright.generators.tpe.engine import Engine
from gatewright.golden.tpe.cycles import schedule

SYSTOLIC = "rows=3 cols=2 level=behavioural"
CHAINED = "array=tree cols=2 depth=3 level=behavioural c_input=true result_width=12 saturate=true"
SPARSE = "array=digit_serial rows=2 cols=2 lanes=2 group=2 depth=8"


def build_of(folder: Path, overrides: str) -> Build:
    return build_design(generator, load_config(TpeConfig, None, overrides.split()), folder)


def matrices(*shape: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    m, k, n = shape
    return rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (k, n))


def exact(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (torch.from_numpy(a) @ torch.from_numpy(b)).numpy()


@pytest.mark.one_in(4)
@pytest.mark.parametrize("overrides", [
    SYSTOLIC, "array=systolic_ws cols=2 depth=3 level=behavioural", SPARSE,
    "array=cube rows=2 cols=2 depth=3 level=behavioural", "array=laconic rows=2 cols=2 lanes=2",
])  # fmt: skip
def test_ragged_products(overrides: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = build_of(tmp_path, overrides)
    for shape in ((1, 1, 1), (5, 13, 3), (2, 3, 7)):
        a, b = matrices(*shape)
        run = multiply(build, a, b)
        np.testing.assert_array_equal(run.result, exact(a, b))
        assert run.checked == ["golden model", "torch"]
        assert run.runs == 1 and run.measured == run.cycles
        (plan,) = run.schedules
        assert run.utilisation == plan.utilisation and run.barrier_cost == plan.barrier_cost
        assert run.imbalance == plan.imbalance.tolist() and run.occupation == plan.occupation
    # In several runs each starts and ends on its own; the product takes what it took before.
    monkeypatch.setattr(products, "_BEATS_AT_ONCE", 1)
    again = multiply(build, a, b)
    np.testing.assert_array_equal(again.result, run.result)
    assert again.runs > 1 and again.cycles == run.cycles < again.measured


@pytest.mark.thorough
@pytest.mark.parametrize("accumulate", ["true", "false"])
def test_results_of_one_pass_are_the_c_of_the_next(accumulate: str, tmp_path: Path) -> None:
    build = build_of(tmp_path, f"{CHAINED} accumulate={accumulate}")
    engine = Engine.of(build.manifest)
    a, b = matrices(4, 11, 3)
    c = np.random.default_rng(2).integers(-2000, 2000, (4, 3))
    run = multiply(build, a, b, c)
    want = c
    for k in range(0, 11, 3):
        want = np.clip(want + exact(a[:, k : k + 3], b[k : k + 3]), -2048, 2047)
    np.testing.assert_array_equal(run.result, want)
    assert (want != c + exact(a, b)).any(), "something must saturate"
    assert len(run.schedules) == len(passes(engine, 11)) == 4 and run.outside == 0
    assert run.cycles == sum(
        schedule(a[:, k : k + 3], b[k : k + 3], engine.model).cycles for k in range(0, 11, 3)
    )
    assert run.checked == ["golden model"]
    small = multiply(build, a[:, :3] // 8, b[:3] // 8, c // 8)
    assert small.checked == ["golden model", "torch"] and len(small.schedules) == 1


@pytest.mark.thorough
def test_sums_of_several_tiles_wrap_as_the_engine_does(tmp_path: Path) -> None:
    build = build_of(tmp_path, f"{SPARSE} accumulator_width=20 result_width=17 wrap=true")
    a, b = matrices(2, 30, 2)
    run = multiply(build, a, b)
    np.testing.assert_array_equal(run.result, (exact(a, b) + (1 << 16)) % (1 << 17) - (1 << 16))
    assert run.outside == 3 and run.checked == ["golden model", "torch"]


def test_a_wrong_result_or_cycle_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = build_of(tmp_path, SYSTOLIC)
    a, b = matrices(3, 5, 2)
    late = {**build.manifest.latency, "result_latency": 3}
    with pytest.raises(CheckFailed, match=r"^1 tiles must take the \d+ cycles of the model, not"):
        multiply(Build(tmp_path, replace(build.manifest, latency=late)), a, b)
    simulated = BatchedModel.run_streams

    def disturbed(*args: Any, **options: Any) -> Any:
        outcome = simulated(*args, **options)
        outcome.outputs["o"][1, 0] ^= 1
        return outcome

    monkeypatch.setattr(BatchedModel, "run_streams", disturbed)
    with pytest.raises(CheckFailed, match=r"^C\[1, 0\] must be -?\d+ by the golden model, not "):
        multiply(build, a, b)


def test_a_stream_without_ready_cannot_stall(tmp_path: Path) -> None:
    build = build_of(tmp_path, "rows=2 cols=2 level=behavioural back_pressure=false")
    a, b = matrices(3, 5, 2)
    np.testing.assert_array_equal(multiply(build, a, b).result, exact(a, b))
    with pytest.raises(InputError, match=r"^stall must leave out o, which has no ready$"):
        BatchedModel(build).run_streams({}, {}, stall={"o": 0.5})


def test_refusals(tmp_path: Path) -> None:
    build = build_of(tmp_path, "rows=1 cols=1")
    a, b = matrices(2, 3, 2)
    for arguments, line in (
        ((a, a), r"A and B must be \[M, K\] and \[K, N\], not \[2, 3\] and \[2, 3\]"),
        ((a[:, :0], b[:0]), r"A and B must be \[M, K\] and \[K, N\], not \[2, 0\] and \[0, 2\]"),
        ((a, b, a), "c_input must be true for a product plus C, not false"),
    ):
        with pytest.raises(InputError, match=f"^{line}$"):
            multiply(build, *arguments)
    chained = build_of(tmp_path, CHAINED)
    with pytest.raises(InputError, match=r"^C must be \[2, 2\], not \[2, 3\]$"):
        multiply(chained, a, b, a)
    lone = build_of(tmp_path, CHAINED.replace("c_input=true", ""))
    with pytest.raises(InputError, match=r"^c_input must be true to saturate sums of K = 4 "
                       r"products, more than the 3 of a tile, not false$"):  # fmt: skip
        multiply(lone, *matrices(2, 4, 2))


def test_golden_product_of_wide_operands() -> None:
    config = load_config(TpeConfig, None, ["a_width=32", "b_width=32", "wrap=true"])
    from gatewright.generators.tpe.design import engine

    low = -(1 << 31)
    a, b = np.full((1, 4), low), np.full((4, 1), low)
    assert golden_product(engine(config), a, b, None).tolist() == [[0]]
    assert golden_product(engine(config), a[:, :2], b[:2], None).tolist() == [[-(1 << 63)]]

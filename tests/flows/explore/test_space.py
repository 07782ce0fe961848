"""Space files: what they mean, what is refused, and how points are chosen and ranked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from gatewright.errors import InputError
from gatewright.flows.explore.budget import Budget, parse_budget
from gatewright.flows.explore.methods import method_of
from gatewright.flows.explore.objectives import best_first, pareto, parse_objectives
from gatewright.flows.explore.ranges import expand
from gatewright.flows.explore.space import Space, load_space

BASE: dict[str, Any] = {
    "parameters": {"rows": [2, 4, 8], "cols": {"from": 2, "to": 8, "factor": 2}},
    "objectives": {"area": "min"},
}


def load(tmp_path: Path, **changed: Any) -> Space:
    path = tmp_path / "space.yaml"
    told = {key: value for key, value in (BASE | changed).items() if value is not None}
    path.write_text(yaml.safe_dump(told, sort_keys=False))
    return load_space(path, "flint")


def test_a_space_is_read(tmp_path: Path) -> None:
    space = load(
        tmp_path, constraints=["rows <= cols"], config={"share": 2}, evaluate=["sim", "synth"],
        synth={"target": "ice40-hx8k", "place": False}, budget="3 minutes", keep=4,
        objectives={"area": "min", "speed": {"of": "macs_per_cycle / delay", "goal": "max"}},
    )  # fmt: skip
    assert space.size == 9
    assert [space.values(p)["cols"] for p in space.points()] == [2, 4, 8, 4, 8, 8]
    assert space.values((0, 1)) == {"share": 2, "rows": 2, "cols": 4}
    assert space.evaluation.steps == ("synth", "sim")
    assert space.evaluation.options["synth"]["place"] is False
    assert space.evaluation.options["sim"]["simulator"] == "verilator"
    assert space.budget == Budget(seconds=180)
    assert space.objectives[1].value({"macs_per_cycle": 6, "delay": 3}) == 2


def test_the_same_space_with_another_budget_is_the_same_sweep(tmp_path: Path) -> None:
    space = load(tmp_path)
    assert load(tmp_path, budget=9, title="x").identity == space.identity
    assert load(tmp_path, seed=9).identity != space.identity


@pytest.mark.parametrize(("changed", "words"), [
    ({"parametres": {}}, "key must be one of .*did you mean 'parameters'"),
    ({"parameters": {"rowz": [1]}}, "did you mean 'rows'"),
    ({"parameters": None}, "parameters must name at least one"),
    ({"parameters": {"rows": []}}, "parameters.rows must have at least one value"),
    ({"parameters": {"rows": 4}}, "parameters.rows must be a list, or a range"),
    ({"parameters": {"rows": {"from": 8, "to": 2}}}, "to must be at least from = 8, not 2"),
    ({"parameters": {"rows": {"from": 1, "to": 8, "factor": 1}}}, "factor above 1"),
    ({"parameters": {"rows": {"from": 1, "by": 8}}}, "range of from and to"),
    ({"config": {"rows": 4}}, "rows must be in config or in parameters"),
    ({"constraints": ["rows < width"]}, r"constraints\[1\]: parameter must be one of cols, rows"),
    ({"constraints": ["rows <"]}, r"constraints\[1\]: must be an expression"),
    ({"constraints": ["1 < 2"]}, "must name a parameter"),
    ({"constraints": ["rows > 9"]}, "not 'rows > 9': no point meets it"),
    ({"constraints": ["rows >= 4", "cols != 3", "rows <= 2"]},
     "not 'rows >= 4' and 'rows <= 2': no point meets them together"),
    ({"objectives": None}, "objectives must be a mapping"),
    ({"objectives": {"area": "less"}}, "objectives.area must be min or max, not 'less'"),
    ({"objectives": {"x": {"of": "area"}}}, "mapping of `of` and `goal`"),
    ({"method": "annealing"}, "method must be one of grid, random, optuna"),
    ({"evaluate": "synthesis"}, "did you mean 'synth'"), ({"keep": 0}, "keep must be"),
    ({"synth": {"target": "ge"}}, "synth must be left out unless evaluate names it"),
    ({"evaluate": "synth", "synth": {"goal": 1}}, "synth: field must be one of .*, not 'goal'"),
    ({"evaluate": "synth", "synth": {"seed": "x"}}, "synth: seed must be an integer.*, not 'x'"),
    ({"evaluate": "synth", "synth": {"placements": 0}}, "synth: placements must be .*, not 0"),
    ({"evaluate": "synth", "synth": {"period": 0}}, "synth: period must be .*, not 0"),
    ({"evaluate": "synth", "synth": {"recipes": [3]}}, "synth: recipes must be .*, not"),
    ({"evaluate": "synth", "synth": 3}, "synth: config must be a mapping of .*, not 3"),
    ({"evaluate": "sim", "sim": {"simulator": "vcs"}}, "sim: simulator must be .*, not 'vcs'"),
    ({"evaluate": "energy", "energy": {"seed": -1}}, "energy: seed must be .*, not -1"),
    ({"samples": True}, "samples must be a whole number"), ({"columns": "x"}, "columns must be"),
    ({"budget": "a while"}, "budget must be a number of runs or a time"),
    ({"generator": "tpe"}, "generator must be flint, not 'tpe'"),
    ({"parameters": {"rows": list(range(1, 2000)), "cols": list(range(1, 2000))}},
     "method must be random or optuna for 3,996,001 points"),
])  # fmt: skip
def test_wrong_spaces_are_told_in_a_line(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words) as told:
        load(tmp_path, **changed)
    assert "\n" not in str(told.value)


def test_an_empty_file_and_no_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    with pytest.raises(InputError, match="must be a mapping of generator"):
        load_space(tmp_path / "empty.yaml")
    with pytest.raises(InputError, match="readable"):
        load_space(tmp_path / "none.yaml")


def test_ranges_have_both_ends() -> None:
    assert expand({"from": 1, "to": 7, "step": 3}, "x") == (1, 4, 7)
    assert expand({"from": 3, "to": 48, "factor": 2}, "x") == (3, 6, 12, 24, 48)
    assert expand({"from": 0.5, "to": 1.0, "step": 0.25}, "x") == (0.5, 0.75, 1.0)
    assert expand([1, True, 1.0, 1, "1"], "x") == (1, True, 1.0, "1")


@pytest.mark.parametrize(("text", "budget"), [
    (40, Budget(runs=40)), ("1 run", Budget(runs=1)), ("90s", Budget(seconds=90)),
    ("10minutes", Budget(seconds=600)), ("1.5 h", Budget(seconds=5400)), (None, Budget()),
])  # fmt: skip
def test_budgets(text: Any, budget: Budget) -> None:
    assert parse_budget(text, "x") == budget


@pytest.mark.parametrize("text", ["0", "1.5 runs", "-3", "", "h", True])
def test_wrong_budgets(text: Any) -> None:
    with pytest.raises(InputError, match="x must be a number of runs or a time"):
        parse_budget(text, "x")


def test_the_pareto_set_is_what_nobody_dominates() -> None:
    objectives = parse_objectives({"a": "min", "b": "max", "c": "min"}, "x")
    values = np.random.default_rng(0).integers(0, 12, (300, 3)).tolist()
    costs = [(a, -b, c) for a, b, c in values]

    def beaten(mine: tuple[int, ...]) -> bool:
        return any(
            all(x <= y for x, y in zip(one, mine, strict=True)) and one != mine for one in costs
        )

    expected = [n for n, cost in enumerate(costs) if not beaten(cost)]
    assert pareto(objectives, values) == expected
    order = best_first(objectives, values)
    assert sorted(order) == list(range(300)) and set(order[: len(expected)]) == set(expected)
    assert pareto(objectives, []) == best_first(objectives, []) == []


@pytest.mark.parametrize("method", ["grid", "random", "optuna"])
def test_methods_give_each_point_once_and_keep_constraints(tmp_path: Path, method: str) -> None:
    space = load(tmp_path, method=method, constraints=["rows <= cols"], seed=3,
                 objectives={"area": "min", "delay": "min"})  # fmt: skip
    chooser, points = method_of(space), []
    while (point := chooser.ask()) is not None:
        points.append(point)
        chooser.tell(point, [sum(point), -sum(point)] if len(points) % 3 else None)
    assert sorted(points) == sorted(space.points())


def test_random_points_of_a_large_space_hang_on_the_seed_alone(tmp_path: Path) -> None:
    large = {"rows": list(range(1, 257)), "cols": list(range(1, 257)), "max_k": [64, 128]}

    def drawn(seed: int) -> list[Any]:
        space = load(tmp_path, method="random", samples=50, parameters=large, seed=seed,
                     constraints=["rows * cols < 9000"])  # fmt: skip
        chooser = method_of(space)
        points = [chooser.ask() for _ in range(51)]
        assert points[50] is None and len(set(points)) == 51
        assert all(space.admits(point) for point in points if point is not None)
        return points

    assert drawn(1) == drawn(1) != drawn(2)


def test_optuna_finds_a_corner_that_random_does_not(tmp_path: Path) -> None:
    """500 of 65,536 points; the best has a neighbourhood that the sampler climbs."""
    wide = {"rows": list(range(1, 257)), "cols": list(range(1, 257))}
    best = {}
    for method in ("random", "optuna"):
        space = load(tmp_path, method=method, samples=500, parameters=wide,
                     objectives={"area": "min", "delay": "min"})  # fmt: skip
        chooser, found = method_of(space), []
        while (point := chooser.ask()) is not None:
            cost = (point[0] - 200) ** 2 + (point[1] - 60) ** 2
            found.append(cost)
            chooser.tell(point, [cost, cost + point[0] / 1000])
        best[method] = min(found)
        assert len(found) == 500
    assert best["optuna"] <= best["random"]

"""Spaces: parameters and their values, constraints, objectives, and how to search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice, product
from math import prod
from pathlib import Path
from typing import Any, Literal, get_args

from ...errors import InputError
from ...generators.artifacts import digest
from ...generators.registry import find, nearest
from ...generators.yaml_file import read_yaml
from ..results.expression import Expression, parse
from .budget import Budget, parse_budget
from .evaluation import Evaluation, parse_evaluation
from .objectives import Objective, parse_objectives
from .ranges import expand

__all__ = ["MethodName", "Point", "Space", "load_space"]

MethodName = Literal["grid", "random", "optuna"]
Point = tuple[int, ...]
"""The number of the chosen value of each parameter."""

_KEYS = (
    "generator", "title", "workload", "config", "parameters", "constraints", "objectives",
    "method", "samples", "seed", "evaluate", "keep", "synth", "sim", "energy", "budget", "columns",
)  # fmt: skip
_MOST_ENUMERATED = 2_000_000
"""Points that a search for a contradiction looks at."""


@dataclass(frozen=True)
class Space:
    """A space of configs.

    Attributes
    ----------
    generator
        Whose configs.
    config
        Fields that are the same in all.
    parameters
        The values of each field that varies.
    constraints
        Expressions over parameters and fixed fields that every design keeps.
    objectives
        What is minimised or maximised.
    workload
        What the cost model estimates a design on; the generator says what it knows.
    method, samples, seed
        How points are chosen, how many for ``random`` and ``optuna``, and the seed.
    evaluation
        What is done to a design beside asking the cost model, and to how many.
    budget
        Of runs beyond the cost model.
    columns
        Further figures of the table.
    """

    generator: str
    parameters: Mapping[str, tuple[Any, ...]]
    objectives: tuple[Objective, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    constraints: tuple[Expression, ...] = ()
    workload: Mapping[str, Any] = field(default_factory=dict)
    method: MethodName = "grid"
    samples: int = 1000
    seed: int = 0
    evaluation: Evaluation = field(default_factory=Evaluation)
    budget: Budget = field(default_factory=Budget)
    columns: tuple[str, ...] = ()
    title: str = ""

    @property
    def size(self) -> int:
        """Points before constraints."""
        return prod(len(values) for values in self.parameters.values())

    @property
    def identity(self) -> str:
        """Hash of all that decides which designs are looked at and how; not of the budget."""
        return digest(json.dumps([
            self.generator, dict(self.parameters), dict(self.config), dict(self.workload),
            [each.text for each in self.constraints],
            [(each.name, each.expression.text, each.goal) for each in self.objectives],
            self.method, self.seed, self.evaluation.document(),
        ]))  # fmt: skip

    def values(self, point: Point) -> dict[str, Any]:
        """Return the fields of a point's config."""
        chosen = {
            name: values[at]
            for (name, values), at in zip(self.parameters.items(), point, strict=True)
        }
        return {**self.config, **chosen}

    def admits(self, point: Point) -> bool:
        """Tell whether a point keeps all constraints."""
        values = self.values(point)
        return all(each.value(values) for each in self.constraints)

    def points(self) -> Iterator[Point]:
        """Yield every point that keeps the constraints, in the order of the file."""
        for point in product(*(range(len(each)) for each in self.parameters.values())):
            if self.admits(point):
                yield point

    def check(self) -> None:
        """Refuse a space that no point is left of, naming the constraints that leave none."""
        if next(islice(self.points(), 1), None) is not None or self.size > _MOST_ENUMERATED:
            return
        for count in range(1, len(self.constraints) + 1):
            for chosen in combinations(self.constraints, count):
                if not self._satisfiable(chosen):
                    told = " and ".join(repr(each.text) for each in chosen)
                    met = "no point meets it" if count == 1 else "no point meets them together"
                    raise InputError(f"constraints must leave a design, not {told}: {met}")

    def _satisfiable(self, constraints: Sequence[Expression]) -> bool:
        names = {name for each in constraints for name in each.names} & set(self.parameters)
        for values in product(*(self.parameters[name] for name in sorted(names))):
            figures = {**self.config, **dict(zip(sorted(names), values, strict=True))}
            if all(each.value(figures) for each in constraints):
                return True
        return False


def load_space(path: Path, generator: str | None = None) -> Space:
    """Read a space file; ``generator`` is the one that was asked for.

    Raises
    ------
    InputError
        The file cannot be read, or something in it is unknown, wrong, or leaves no design.
    """
    told = read_yaml(path)
    if not isinstance(told, dict) or not told:
        raise InputError(f"{path}: must be a mapping of {', '.join(_KEYS)}")
    where = str(path)
    for key in told:
        if key not in _KEYS:
            raise InputError(
                f"{where}: key must be one of {', '.join(_KEYS)}, not {key!r}"
                + nearest(str(key), list(_KEYS))
            )
    name = told.get("generator", generator)
    if not isinstance(name, str) or (generator is not None and name != generator):
        raise InputError(f"{where}: generator must be {generator or 'a name'}, not {name!r}")
    schema = find(name).config().model_json_schema()["properties"]
    config = _mapping(told, "config", where)
    parameters = {
        str(key): expand(value, f"{where}: parameters.{key}")
        for key, value in _mapping(told, "parameters", where).items()
    }
    for key in (*config, *parameters):
        if key not in schema:
            raise InputError(
                f"{where}: parameters must be fields of {name} ({', '.join(schema)}), not {key!r}"
                + nearest(str(key), list(schema))
            )
        if key in config and key in parameters:
            raise InputError(f"{where}: {key} must be in config or in parameters, not in both")
    if not parameters:
        raise InputError(f"{where}: parameters must name at least one field of {name}, not none")
    method = told.get("method", "grid")
    if method not in get_args(MethodName):
        raise InputError(
            f"{where}: method must be one of {', '.join(get_args(MethodName))}, not {method!r}"
        )
    space = Space(
        generator=name,
        title=str(told.get("title", "")),
        config=config,
        parameters=parameters,
        constraints=_constraints(told, {**config, **parameters}, where),
        objectives=parse_objectives(told.get("objectives"), where),
        workload=_mapping(told, "workload", where),
        method=method,
        samples=_whole(told, "samples", 1000, 1, where),
        seed=_whole(told, "seed", 0, 0, where),
        evaluation=parse_evaluation(told, where),
        budget=parse_budget(told.get("budget"), f"{where}: budget"),
        columns=_texts(told, "columns", where),
    )
    if space.method == "grid" and space.size > _MOST_ENUMERATED:
        raise InputError(
            f"{where}: method must be random or optuna for {space.size:,} points, not 'grid' "
            f"(at most {_MOST_ENUMERATED:,})"
        )
    space.check()
    return space


def _mapping(told: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = told.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise InputError(f"{where}: {key} must be a mapping of names, not {value!r}")
    return value


def _texts(told: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = told.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InputError(f"{where}: {key} must be a list of texts, not {value!r}")
    return tuple(value)


def _whole(told: Mapping[str, Any], key: str, default: int, least: int, where: str) -> int:
    value = told.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{where}: {key} must be a whole number from {least}, not {value!r}")
    return value


def _constraints(
    told: Mapping[str, Any], known: Mapping[str, Any], where: str
) -> tuple[Expression, ...]:
    found = []
    for number, text in enumerate(_texts(told, "constraints", where), 1):
        constraint = parse(text, f"{where}: constraints[{number}]")
        constraint.check(known, f"{where}: constraints[{number}]: parameter")
        if not constraint.names:
            raise InputError(f"{where}: constraints[{number}] must name a parameter, not {text!r}")
        found.append(constraint)
    return tuple(found)



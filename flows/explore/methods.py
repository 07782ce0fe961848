"""Methods: which points of a space are looked at, in which order."""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from .space import Point, Space

if TYPE_CHECKING:
    import optuna

__all__ = ["Grid", "Method", "Optuna", "Random", "method_of"]

_TRIES = 2000
"""Draws in a row that constraints may refuse, or that were drawn before, before a method ends."""


class Method(Protocol):
    """Asked for points, and told their objectives."""

    def ask(self) -> Point | None:
        """Return a point that keeps the constraints and was not given before; None: no more."""

    def tell(self, point: Point, values: Sequence[float] | None) -> None:
        """Learn the objectives of a point; None: it has none."""


class Grid:
    """Every point, in the order of the file."""

    def __init__(self, space: Space) -> None:
        self._points: Iterator[Point] = space.points()

    def ask(self) -> Point | None:
        return next(self._points, None)

    def tell(self, point: Point, values: Sequence[float] | None) -> None:
        """Nothing is learned."""


class Random:
    """Points drawn evenly, each once. A space that is small enough is listed and shuffled."""

    _LISTED = 50_000

    def __init__(self, space: Space) -> None:
        self._random = random.Random(space.seed)
        self._space, self._left = space, space.samples
        self._given: set[Point] = set()
        self._listed: list[Point] | None = None
        if space.size <= self._LISTED:
            self._listed = list(space.points())
            self._random.shuffle(self._listed)

    def ask(self) -> Point | None:
        if not self._left:
            return None
        self._left -= 1
        if self._listed is not None:
            return self._listed.pop() if self._listed else None
        sizes = [len(values) for values in self._space.parameters.values()]
        for _ in range(_TRIES):
            point = tuple(self._random.randrange(size) for size in sizes)
            if point not in self._given and self._space.admits(point):
                self._given.add(point)
                return point
        return None

    def tell(self, point: Point, values: Sequence[float] | None) -> None:
        """Nothing is learned."""


class Optuna:
    """Optuna's multi-objective sampler (NSGA-II; with one objective TPE)."""

    def __init__(self, space: Space) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space, self._left = space, space.samples
        self._given: set[Point] = set()
        self._trials: dict[Point, optuna.trial.Trial] = {}
        directions = [
            optuna.study.StudyDirection.MINIMIZE if each.goal == "min"
            else optuna.study.StudyDirection.MAXIMIZE for each in space.objectives
        ]  # fmt: skip
        sampler: optuna.samplers.BaseSampler
        if len(directions) > 1:
            sampler = optuna.samplers.NSGAIISampler(seed=space.seed, population_size=40)
        else:
            sampler = optuna.samplers.TPESampler(seed=space.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._study = optuna.create_study(directions=directions, sampler=sampler)
        self._fresh = Random(space)

    def ask(self) -> Point | None:
        if not self._left:
            return None
        self._left -= 1
        for _ in itertools.repeat(None, 20):
            trial = self._study.ask()
            point = tuple(self._suggest(trial, name) for name in self._space.parameters)
            if point not in self._given and self._space.admits(point):
                self._given.add(point)
                self._trials[point] = trial
                return point
            self._fail(trial)
        # The sampler goes round among points that it knows: a random one is worth more.
        while (drawn := self._fresh.ask()) is not None:
            if drawn not in self._given:
                self._given.add(drawn)
                return drawn
        return None

    def _suggest(self, trial: optuna.trial.Trial, name: str) -> int:
        values = self._space.parameters[name]
        ordered = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
        if ordered and sorted(values) == list(values):
            return trial.suggest_int(name, 0, len(values) - 1)
        return int(trial.suggest_categorical(name, list(range(len(values)))))

    def tell(self, point: Point, values: Sequence[float] | None) -> None:
        trial = self._trials.pop(point, None)
        if trial is None:
            return
        if values is None:
            self._fail(trial)
        else:
            self._study.tell(trial, list(values))

    def _fail(self, trial: optuna.trial.Trial) -> None:
        import optuna

        self._study.tell(trial, state=optuna.trial.TrialState.FAIL)


def method_of(space: Space) -> Method:
    """Return the method that a space names."""
    if space.method == "grid":
        return Grid(space)
    return Random(space) if space.method == "random" else Optuna(space)

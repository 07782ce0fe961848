"""From an int8 network and a graph to a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np

from ....errors import InputError
from ....golden.gnn.graph import Graph as GoldenGraph
from ....golden.gnn.network import Int8Network
from ....hw.gnn.parameters import GnnParameters
from ..cost import estimate, estimate_pass
from ..graph import Graph, Ids
from ..program import Pass, Program, Tensor
from ..timing import Timing
from .code import OUTPUT, pass_code
from .dependence import sorted_values
from .hoisting import best, hoisting_sets
from .ir import Broadcast, Input, PerVertex, Value
from .lowering.network import Lowered, lower_network
from .placement import Schedule
from .sizes import Sizer
from .splitting import fitting_schedule
from .timestamps import candidates

__all__ = ["Hoist", "Score", "compile_lowered", "compile_network", "modelled"]

Hoist = Literal["auto", "none", "all"]
Score = Callable[[Program], tuple[float, ...]]


def modelled(program: Program) -> tuple[float, ...]:
    """Return cycles and bytes of the cost model."""
    figures = estimate(program)
    return figures.cycles, figures.bytes


def compile_network(
    network: Int8Network,
    graph: GoldenGraph | Graph,
    parameters: GnnParameters,
    *,
    rank: Ids | None = None,
    halves: int | None = None,
    hoist: Hoist = "auto",
    score: Score = modelled,
) -> Program:
    """Return the program of a network for a graph and an engine.

    Parameters
    ----------
    network, graph, parameters
        What to compile, for what.
    rank
        Place of each vertex in the order; None keeps them.
    halves
        Intervals under way at a time, 1 or 2; None: what is faster, in each pass.
    hoist
        Which values that sources need are computed in a pass of their own: none, all, or what the
        score likes best.
    score
        Figures of a program, the smaller the better.

    Raises
    ------
    InputError
        If a 32-bit value may overflow on the graph, or the network does not fit the engine.
    """
    if not isinstance(graph, GoldenGraph):
        graph = graph.golden
    network.prove(graph)
    lowered = lower_network(network, graph, parameters)
    return compile_lowered(
        lowered, graph, parameters, rank=rank, halves=halves, hoist=hoist, score=score
    )


def compile_lowered(
    lowered: Lowered,
    graph: GoldenGraph,
    parameters: GnnParameters,
    *,
    rank: Ids | None = None,
    halves: int | None = None,
    hoist: Hoist = "auto",
    score: Score = modelled,
) -> Program:
    """Return the program of a network in operators, as `compile_network`."""
    if halves not in (None, 1, 2):
        raise InputError(f"halves must be 1 or 2, not {halves}")
    if hoist not in ("auto", "none", "all"):
        raise InputError(f"hoist must be auto, none or all, not {hoist}")
    if rank is not None and len(rank) != graph.vertices:
        raise InputError(f"rank must be of length {graph.vertices}, not {len(rank)}")
    maker = _Maker(lowered, graph, parameters, rank, (1, 2) if halves is None else (halves,))
    values = candidates(sorted_values([lowered.output]))
    hoisted = frozenset[Value]() if hoist == "none" else frozenset(values)
    if hoist == "auto" and values:
        hoisted = best(hoisting_sets(values), maker.program, score)
    return maker.program(hoisted, thorough=True)


class _Maker:
    """Makes programs of one network with different values hoisted."""

    def __init__(
        self, lowered: Lowered, graph: GoldenGraph, p: GnnParameters, rank: Ids | None,
        halves: tuple[int, ...],
    ) -> None:  # fmt: skip
        self._lowered, self._graph, self._p, self._rank = lowered, graph, p, rank
        self._halves = halves
        self._sizer = Sizer(graph, p, rank)
        self._values = sorted_values([lowered.output])
        self._names = _names(self._values)
        self._order: Ids | None = None
        if rank is not None:
            self._order = np.empty(graph.vertices, np.int32)
            self._order[rank] = np.arange(graph.vertices, dtype=np.int32)

    def program(self, hoisted: frozenset[Value], *, thorough: bool = False) -> Program:
        """Return the program; thorough: of more sizes of its passes, the best."""
        plan = fitting_schedule(self._lowered.output, hoisted, self._p)
        passes: list[Pass] = []
        for number in plan.passes:
            code = pass_code(plan, number, self._p, self._names.__getitem__)
            sized = self._sizer.passes(
                code, f"pass {len(passes)}", self._halves, thorough=thorough
            )
            passes.append(self._fastest(list(sized)))
        used = {name for each in passes for name in each.tensors}
        values = sorted(each.name for each in hoisted)
        return Program(
            parameters=self._p, vertices=self._graph.vertices, order=self._order,
            passes=tuple(passes), tensors=self._tensors(plan, used),
            input=self._names[self._lowered.input], output=OUTPUT,
            input_features=self._lowered.input.width,
            output_columns=self._lowered.output_columns,
            notes={"hoisted": ", ".join(values) or "nothing"},
        )  # fmt: skip

    def _fastest(self, passes: list[Pass]) -> Pass:
        if len(passes) == 1:
            return passes[0]
        frame = Program(self._p, self._graph.vertices, self._order, (), {}, "", "", 0, ())

        def figures(each: Pass) -> tuple[int, int]:
            found = estimate_pass(each, frame, Timing())
            return found.cycles, found.bytes_read + found.bytes_written

        return min(passes, key=figures)

    def _tensors(self, plan: Schedule, used: set[str]) -> dict[str, Tensor]:
        result = {}
        for value in self._values:
            name = self._names.get(value, "")
            if isinstance(value, Input) or name in used:
                result[name] = self._tensor(value)
        output = plan.output
        result[OUTPUT] = Tensor(self._graph.vertices, output.width, output.type)
        return result

    def _tensor(self, value: Value) -> Tensor:
        if isinstance(value, Broadcast):
            return Tensor(1, value.width, value.type, value.values[None])
        values = value.values if isinstance(value, PerVertex) else None
        if values is not None and self._order is not None:
            values = values[self._order]
        return Tensor(self._graph.vertices, value.width, value.type, values)


def _names(values: Iterable[Value]) -> dict[Value, str]:
    """Return names of values as tensors, each its own."""
    result: dict[Value, str] = {}
    taken = {OUTPUT}
    for value in values:
        name, count = value.name, 1
        while name in taken:
            count += 1
            name = f"{value.name}.{count}"
        taken.add(name)
        result[value] = name
    return result

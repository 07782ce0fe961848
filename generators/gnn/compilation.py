"""From a network in float64 and a graph to the best program that was found for an engine.

What can be chosen without changing what the network means is tried: the order of each GCN's product
and hops, whether two intervals are under way, and the order of the vertices. By the cost model the
fewest cycles win, and among programs of about as few the one that moves the fewest bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from ...golden.gnn.gcn import Gcn
from ...golden.gnn.gcn import Order as GcnOrder
from ...golden.gnn.graph import Graph as GoldenGraph
from ...golden.gnn.graph import Reals
from ...golden.gnn.network import Int8Network, Network, quantize
from ...hw.gnn.parameters import GnnParameters
from .compiler.compile import compile_network
from .cost import Estimate, estimate
from .graph import Graph, Ids, Progress, silent
from .orders import Order, order_vertices
from .program import Program
from .timing import Timing

__all__ = ["Choice", "Compilation", "compile_model"]

_ABOUT = 1.005
"""How many times as many cycles count as about as few."""

_MOST_GCNS = 4
"""Layers whose orders are tried in all combinations; further ones follow the last of these."""


@dataclass(frozen=True)
class Choice:
    """One of the programs that were tried.

    Attributes
    ----------
    gcn_orders
        Of each GCN, in turn.
    halves
        Intervals under way.
    vertex_order
        Of the vertices.
    cycles, bytes
        By the cost model.
    """

    gcn_orders: tuple[str, ...]
    halves: int
    vertex_order: str
    cycles: int
    bytes: int


@dataclass(frozen=True, eq=False)
class Compilation:
    """The chosen program.

    Attributes
    ----------
    network
        The int8 network that it computes.
    program, estimate
        Itself, and what it will take.
    choice, choices
        It, and all that was tried.
    """

    network: Int8Network
    program: Program
    estimate: Estimate
    choice: Choice
    choices: tuple[Choice, ...]


def compile_model(
    network: Network, graph: Graph, features: Reals, parameters: GnnParameters, *,
    gcn_order: GcnOrder | None = None, order: Order = Order.AUTO, timing: Timing | None = None,
    progress: Progress = silent,
) -> Compilation:  # fmt: skip
    """Quantise a network and compile it.

    Parameters
    ----------
    features
        Calibration data [N, K]: they set the units of all that is computed.
    gcn_order
        Of all GCNs; None: the better one for each.
    order
        Of the vertices; AUTO tries the natural one and the one with the fewest loads.

    Raises
    ------
    InputError
        If something does not fit the engine, or a sum could overflow on this graph.
    """
    dense = graph.golden
    search = _Search(dense, parameters, timing or Timing(), progress)
    variants = list(_variants(network, gcn_order))
    for orders, variant in variants:
        search.add(orders, quantize(variant, dense, features), Order.NATURAL, None)
    if order is not Order.NATURAL:
        best = search.best
        ordered = order_vertices(graph, _interval(best.program), order)
        if ordered.rank is not None:
            if order is not Order.AUTO:
                search.forget()
            search.add(best.choice.gcn_orders, best.network, ordered.name, ordered.rank)
    best = search.best
    return Compilation(
        best.network, best.program, best.estimate, best.choice, tuple(search.choices)
    )


@dataclass(frozen=True, eq=False)
class _Trial:
    """A program that was tried, and what it was made of."""

    choice: Choice
    network: Int8Network
    program: Program
    estimate: Estimate


class _Search:
    """Compiles programs and tells the best of them."""

    def __init__(
        self, graph: GoldenGraph, parameters: GnnParameters, timing: Timing, progress: Progress
    ) -> None:
        self._graph, self._parameters, self._timing = graph, parameters, timing
        self._progress = progress
        self._trials: list[_Trial] = []
        self.choices: list[Choice] = []

    def add(
        self, orders: tuple[str, ...], network: Int8Network, order: Order, rank: Ids | None
    ) -> None:
        """Try a network in an order of the vertices, with one interval and with two under way."""
        for halves in (1, 2):
            program = compile_network(
                network, self._graph, self._parameters, rank=rank, halves=halves
            )
            told = estimate(program, self._timing)
            choice = Choice(orders, halves, order.value, told.cycles, told.bytes)
            self.choices.append(choice)
            self._progress("programs", len(self.choices), len(self.choices) + 1)
            self._trials.append(_Trial(choice, network, program, told))
            best = self.best
            self._trials = [each for each in self._trials if _about(each, best)]

    def forget(self) -> None:
        """Take the best of what is tried from now on."""
        self._trials.clear()

    @property
    def best(self) -> _Trial:
        """The best so far."""
        least = min(self._trials, key=lambda each: each.choice.cycles)
        about = [each for each in self._trials if _about(each, least)]
        return min(about, key=lambda each: (each.choice.bytes, each.choice.cycles))


def _about(each: _Trial, least: _Trial) -> bool:
    return each.choice.cycles <= _ABOUT * least.choice.cycles


def _variants(
    network: Network, order: GcnOrder | None
) -> Iterator[tuple[tuple[str, ...], Network]]:
    """Yield the network with each combination of orders of its GCNs."""
    places = [i for i, layer in enumerate(network.layers) if isinstance(layer, Gcn)]
    free = 0 if order is not None else min(len(places), _MOST_GCNS)
    for chosen in product(GcnOrder, repeat=free):
        last = order or (chosen[-1] if chosen else GcnOrder.AGGREGATE)
        orders = [*chosen, *[last] * (len(places) - free)]
        layers = list(network.layers)
        for i, each in zip(places, orders, strict=True):
            layer = layers[i]
            assert isinstance(layer, Gcn)
            layers[i] = replace(layer, order=each)
        yield tuple(each.value for each in orders), Network(layers)


def _interval(program: Program) -> int:
    """Return the interval of the pass that loads most rows, for which an order is best."""
    gathering = [
        each for each in program.passes if any(part is not None for part in each.partitions)
    ]
    if not gathering:
        return program.passes[0].interval
    return max(
        gathering,
        key=lambda each: sum(part.counts.loads for part in each.partitions if part is not None),
    ).interval

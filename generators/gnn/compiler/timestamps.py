"""When values can be there at the earliest: pass and phase; brief section 3, step 1.

A vertex's time is `(pass, level)`: level 0 needs no gather of the pass, level l what its rounds
before l gathered. Inputs and constants are there at `(0, 0)`, any result at the latest of its
arguments, a gather in round r at level r + 1.

What an edge needs of its *source* must be complete for all vertices: either it is read from memory,
where it is from the pass after the one that computes it, or it is computed again on the sources'
rows from such values. Values of level 0 are computed again unless they are *hoisted*.

A pass has two rounds, and all its gathers run over the same edges with the same exponentials, those
of a round with the same scalars; what does not fit goes on to the next pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ....hw.gnn.instruction import ElementType
from .dependence import arguments
from .ir import (
    Broadcast,
    Exponential,
    FromDestination,
    FromSource,
    Gather,
    Input,
    PerVertex,
    SourceScalar,
    Value,
    View,
)

__all__ = [
    "ROUNDS", "Time", "Times", "candidates", "edge_values", "is_constant", "source_roots",
    "timestamps",
]  # fmt: skip

Time = tuple[int, int]
ROUNDS = 2


@dataclass(frozen=True, eq=False)
class Times:
    """Earliest times.

    Attributes
    ----------
    vertex
        Of values on vertices.
    rounds
        Pass and round of each gather.
    stored
        Values that edges read from memory as their sources' rows, once they are computed.
    """

    vertex: Mapping[Value, Time]
    rounds: Mapping[Gather, Time]
    stored: frozenset[Value]


def is_constant(value: Value) -> bool:
    """Whether a value is in memory from the start."""
    return isinstance(value, Input | PerVertex | Broadcast)


def edge_values(gather: Gather) -> tuple[Value, ...]:
    """Return the values on edges that a gather needs, arguments first."""
    roots = [each for each in (gather.a, gather.scale) if isinstance(each, Value)]
    # Values on vertices end the walk: they are computed before the round.
    order: dict[Value, None] = {}
    stack = [each for each in roots if each.on_edges][::-1]
    while stack:
        missing = [
            each for each in arguments(stack[-1]) if each.on_edges and each not in order
        ]
        if missing:
            stack += missing[::-1]
        else:
            order.setdefault(stack.pop())
    return tuple(order)


def source_roots(gather: Gather) -> tuple[Value, ...]:
    """Return the values on vertices whose sources' rows a gather needs."""
    rows = [] if gather.a.on_edges else [gather.a]
    rows += [each.a for each in edge_values(gather) if isinstance(each, FromSource)]
    return tuple(dict.fromkeys(rows))


def destination_roots(gather: Gather) -> tuple[Value, ...]:
    """Return the values on vertices whose destinations' rows a gather needs."""
    return tuple(dict.fromkeys(
        each.maximum if isinstance(each, Exponential) else each.a
        for each in edge_values(gather) if isinstance(each, Exponential | FromDestination)
    ))  # fmt: skip


def candidates(values: Iterable[Value]) -> tuple[Value, ...]:
    """Return the values that may be hoisted: of level 0, computed, and needed by edges."""
    late: set[Value] = set()
    wanted: set[Value] = set()
    values = tuple(values)
    for value in values:
        if isinstance(value, Gather) or any(each in late for each in arguments(value)):
            late.add(value)
        if not isinstance(value, Gather):
            continue
        stack = [*source_roots(value), *destination_roots(value)]
        while stack:
            each = stack.pop()
            # What any gather's result goes into is stored in any case.
            if each not in late and not is_constant(each):
                wanted.add(each)
                stack += arguments(each)
    return tuple(each for each in values if each in wanted and not isinstance(each, View))


def timestamps(
    values: Iterable[Value],
    hoisted: frozenset[Value],
    cuts: Mapping[Value, int] | None = None,
    exponential_bits: Mapping[Gather, int] | None = None,
) -> Times:
    """Return the earliest times of values, arguments first.

    Parameters
    ----------
    values
        All values of a network, arguments first.
    hoisted
        Values that sources read from memory though they could compute them.
    cuts
        Values that no pass before the one told may compute.
    exponential_bits
        Fraction bits of the exponentials that gathers need.
    """
    return _Clock(hoisted, cuts or {}, exponential_bits or {}).run(values)


class _Clock:
    def __init__(
        self,
        hoisted: frozenset[Value],
        cuts: Mapping[Value, int],
        exponential_bits: Mapping[Gather, int],
    ) -> None:
        self._hoisted, self._cuts, self._bits = hoisted, cuts, exponential_bits
        self._vertex: dict[Value, Time] = {}
        self._source: dict[Value, Time] = {}
        self._edge: dict[Value, Time] = {}
        self._rounds: dict[Gather, Time] = {}
        self._stored: set[Value] = set()
        self._variant: dict[int, bool] = {}
        self._exponent: dict[int, int] = {}
        self._scalars: dict[Time, SourceScalar] = {}

    def run(self, values: Iterable[Value]) -> Times:
        for value in values:
            if value.on_edges:
                self._edge[value] = max(self._on_edge(value))
                continue
            if isinstance(value, Gather):
                at = self._round(value)
                self._rounds[value] = at
                self._vertex[value] = (at[0], at[1] + 1)
            else:
                least = (self._cuts.get(value, 0), 0)
                self._vertex[value] = max(
                    (least, *(self._vertex[each] for each in arguments(value)))
                )
            self._source[value] = self._on_source(value)
        return Times(self._vertex, self._rounds, frozenset(self._stored))

    def _on_source(self, value: Value) -> Time:
        """Return when sources' rows of a value are there."""
        if is_constant(value):
            return (0, 0)
        at = self._vertex[value]
        if isinstance(value, View):
            return max(self._source[each] for each in arguments(value))
        # Shards have no rows in the accumulators.
        wide = value.type is ElementType.I32 or any(
            each.type is ElementType.I32 and not is_constant(each) for each in arguments(value)
        )
        if at[1] or wide or value in self._hoisted or value in self._cuts:
            self._stored.add(value)
            return (at[0] + 1, 0)
        return max(self._source[each] for each in arguments(value))

    def _on_edge(self, value: Value) -> Iterator[Time]:
        for each in arguments(value):
            if each.on_edges:
                yield self._edge[each]
            elif isinstance(value, FromSource):
                yield self._source[each]
            else:
                yield self._after(self._vertex[each])

    @staticmethod
    def _after(at: Time) -> Time:
        """Return the round that can read the destinations' rows of a value."""
        return at if at[1] < ROUNDS else (at[0] + 1, 0)

    def _round(self, gather: Gather) -> Time:
        at = (self._cuts.get(gather, 0), 0)
        for each in (gather.a, gather.scale):
            if isinstance(each, Value):
                at = max(at, self._edge[each] if each.on_edges else self._source[each])
        while not self._fits(gather, at):
            at = (at[0] + 1, 0)
        self._variant[at[0]] = gather.looped
        if gather in self._bits:
            self._exponent[at[0]] = self._bits[gather]
        if isinstance(gather.scale, SourceScalar):
            self._scalars[at] = gather.scale
        return at

    def _fits(self, gather: Gather, at: Time) -> bool:
        bits = self._bits.get(gather)
        scalars = gather.scale if isinstance(gather.scale, SourceScalar) else None
        return (
            self._variant.get(at[0], gather.looped) == gather.looped
            and (bits is None or self._exponent.get(at[0], bits) == bits)
            and (scalars is None or self._scalars.get(at, scalars) is scalars)
        )

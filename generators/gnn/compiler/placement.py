"""Which values each phase computes and which go to memory; brief section 3, steps 3 and 4.

Destinations' values are computed as late as they can be: in the phase of the first that needs them,
in whatever pass, if all that they are computed from is in memory anyway, else in the pass of their
arguments. What sources read from memory, what another pass needs, and the output are stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ....errors import InputError
from ....hw.gnn.instruction import ElementType
from .dependence import arguments, sorted_values
from .ir import Exponential, Gather, Value, View
from .timestamps import (
    Time,
    Times,
    destination_roots,
    edge_values,
    is_constant,
    source_roots,
    timestamps,
)

__all__ = ["Schedule", "exponential_bits", "schedule"]


@dataclass(frozen=True, eq=False)
class Schedule:
    """Who computes what, when.

    Attributes
    ----------
    at
        Pass and chunk phase (0 to 2) of each value that is computed for destinations; a gather has
        the phase after its round.
    rounds
        Pass and round of each gather that is needed.
    stored
        Values that are written to memory where they are computed.
    output, output_at
        The output, and the phase that stores it.
    values
        All, arguments first.
    passes
        Numbers of the passes in which something happens, ascending.
    """

    at: Mapping[Value, Time]
    rounds: Mapping[Gather, Time]
    stored: frozenset[Value]
    output: Value
    output_at: Time
    values: tuple[Value, ...]

    @property
    def passes(self) -> tuple[int, ...]:
        found = {at[0] for each, at in self.at.items() if not isinstance(each, Gather)}
        found |= {at[0] for at in self.rounds.values()} | {self.output_at[0]}
        return tuple(sorted(found))

    def readable(self, value: Value, number: int) -> bool:
        """Whether a value is in memory when a pass begins."""
        return is_constant(value) or (value in self.stored and self.at[value][0] < number)


def exponential_bits(gathers: Iterable[Gather]) -> dict[Gather, int]:
    """Return the fraction bits of the exponentials that gathers need.

    Raises
    ------
    InputError
        If one needs two kinds.
    """
    result = {}
    for gather in gathers:
        found = {each.bits for each in edge_values(gather) if isinstance(each, Exponential)}
        if len(found) > 1:
            raise InputError(
                f"bits of the exponentials of {gather.name} must be equal, not "
                f"{', '.join(map(str, sorted(found)))}"
            )
        if found:
            result[gather] = found.pop()
    return result


def schedule(
    output: Value, hoisted: frozenset[Value], cuts: Mapping[Value, int] | None = None
) -> Schedule:
    """Return who computes what, when; arguments as those of `timestamps`.

    Raises
    ------
    InputError
        If a value of 32 bits must cross from one pass to another.
    """
    values = sorted_values([output])
    bits = exponential_bits(each for each in values if isinstance(each, Gather))
    least = dict(cuts or {})
    while True:
        times = timestamps(values, hoisted, least, bits)
        placer = _Placer(values, times, output, hoisted.union(cuts or ()))
        plan = placer.run()
        if not placer.wide:
            return plan
        value, number = placer.wide
        if number > len(values):
            raise InputError(
                f"{value.name} must be used in the pass that computes it, as a value of 32 bits, "
                f"not in the next one"
            )
        # It is computed in the pass that needs it, and so is what it is computed from.
        for each in _wide_sources(value):
            least[each] = max(number, least.get(each, 0))


def _wide_sources(value: Value) -> Iterator[Value]:
    """Return a value of 32 bits and all such behind it that are no constants."""
    stack = [value]
    while stack:
        each = stack.pop()
        yield each
        stack += (
            v for v in arguments(each) if v.type is ElementType.I32 and not is_constant(v)
        )


class _Placer:
    """Walks from the output to the inputs, so that whoever needs a value is placed before it.

    Attributes
    ----------
    wide
        A value of 32 bits that another pass needs, and that pass: it cannot be stored.
    """

    def __init__(
        self, values: tuple[Value, ...], times: Times, output: Value, early: frozenset[Value]
    ) -> None:
        self._values, self._times, self._output, self._early = values, times, output, early
        self._needs: defaultdict[Value, list[Time]] = defaultdict(list)
        self._wanted: set[Value] = set()
        self._at: dict[Value, Time] = {}
        self._rounds: dict[Gather, Time] = {}
        self._stored: set[Value] = set()
        self.wide: tuple[Value, int] | None = None

    def run(self) -> Schedule:
        output_at = self._times.vertex[self._output]
        self._needs[self._output].append(output_at)
        for value in self._values:
            if isinstance(value, Gather):
                self._leaves(value)
        for value in reversed(self._values):
            if value.on_edges or is_constant(value) or not self._is_needed(value):
                continue
            if isinstance(value, View):
                for each in arguments(value):
                    self._needs[each] += self._needs[value]
            else:
                self._place(value)
        return Schedule(
            self._at, self._rounds, frozenset(self._stored), self._output,
            self._at.get(self._output, output_at), self._values,
        )  # fmt: skip

    def _is_needed(self, value: Value) -> bool:
        return bool(self._needs[value]) or value in self._wanted

    def _place(self, value: Value) -> None:
        earliest = self._times.vertex[value]
        first = min(self._needs[value], default=earliest)
        fixed = isinstance(value, Gather) or value in self._early or value in self._wanted
        if fixed or (earliest[1] and first[0] > earliest[0] and not self._can_wait(value)):
            first = earliest
        self._at[value] = first
        if value in self._wanted or any(need[0] > first[0] for need in self._needs[value]):
            self._stored.add(value)
            if value.type is ElementType.I32:
                self.wide = (value, max(self._needs[value])[0])
        if isinstance(value, Gather):
            self._rounds[value] = at = self._times.rounds[value]
            for each in destination_roots(value):
                self._needs[each].append(at)
        else:
            for each in arguments(value):
                self._needs[each].append(first)

    def _can_wait(self, value: Value) -> bool:
        """Whether another pass finds in memory what a value is computed from."""
        stack = list(arguments(value))
        while stack:
            each = stack.pop()
            if isinstance(each, View):
                stack += arguments(each)
            elif not (is_constant(each) or each in self._wanted):
                return False
        return True

    def _leaves(self, gather: Gather) -> None:
        """Want in memory what the sources' rows of a gather are computed from."""
        stack = list(source_roots(gather))
        while stack:
            each = stack.pop()
            if each in self._times.stored:
                self._wanted.add(each)
            else:
                stack += arguments(each)

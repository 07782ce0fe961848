"""How likely a cell is in a state, from how long each of its nets is 1.

Nets are taken to be independent of each other, but what a cell computes itself is not: its outputs
are put as functions of its inputs, and the outputs of a flip-flop as its one bit of state. That bit
and the next one, at its data input, differ in as many cycles as the bit changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product

from ..synthesis.adders import truth_table
from ..synthesis.liberty import Cell
from ..synthesis.netlist import ONE
from .activity import Activity

__all__ = ["STATE", "Likelihood", "in_inputs", "state_names"]

STATE = "STATE"
"""The name of a flip-flop's bit in conditions that `in_inputs` returns."""

_WORD = re.compile(r"[A-Za-z_]\w*")
_Table = tuple[int, tuple[str, ...]]


def state_names(cell: Cell) -> tuple[str, ...]:
    """Names that a flip-flop's functions have for its bit, and for the opposite of it."""
    found = re.search(r"\bff\s*\(([^)]*)\)", cell.text)
    return tuple(part.strip().strip('"').strip() for part in found[1].split(",")) if found else ()


def in_inputs(condition: str, cell: Cell) -> str:
    """Return a condition on pins as one on inputs and `STATE`."""
    outputs = {pin.name: f"({pin.function})" for pin in cell.outputs if pin.function is not None}
    text = _WORD.sub(lambda word: outputs.get(word[0], word[0]), condition)
    states = dict(zip(state_names(cell), (STATE, f"(!{STATE})"), strict=False))
    return _WORD.sub(lambda word: states.get(word[0], word[0]), text)


class Likelihood:
    """Chances of conditions on the pins of cells at an activity."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity
        self._conditions: dict[tuple[str, str], _Table] = {}
        self._changes: dict[tuple[str, str, str, str | None], _Table] = {}

    def condition(self, cell: Cell, nets: Mapping[str, int], when: str | None) -> float:
        """Return how likely a Liberty condition holds; no condition always does."""
        if when is None:
            return 1.0
        key = cell.name, when
        if key not in self._conditions:
            self._conditions[key] = _table(in_inputs(when, cell))
        return self._chance(self._conditions[key], cell, nets)

    def passes(
        self, cell: Cell, nets: Mapping[str, int], source: str, output: str,
        when: str | None = None,
    ) -> float:  # fmt: skip
        """Return how likely a condition holds, and a change of an input then changes an output."""
        function = cell.pins[output].function
        if cell.kind != "logic" or function is None:
            return self.condition(cell, nets, when)
        key = cell.name, source, output, when
        if key not in self._changes:
            condition = "1" if when is None else in_inputs(when, cell)
            self._changes[key] = _passing(function, source, condition)
        return self._chance(self._changes[key], cell, nets)

    def _chance(self, table: _Table, cell: Cell, nets: Mapping[str, int]) -> float:
        rows, names = table
        high = [self._high(cell, nets, name) for name in names]
        data = cell.next_state if STATE in names and cell.next_state in names else None
        total = 0.0
        for number, bits in enumerate(product((0, 1), repeat=len(names))):
            # The last of `product` changes fastest: it is input 0 of the table.
            if rows >> number & 1:
                row = dict(zip(reversed(names), bits, strict=True))
                chance = 1.0
                for name, each in zip(names, high, strict=True):
                    if data is None or name not in (data, STATE):
                        chance *= each if row[name] else 1 - each
                if data is not None:
                    chance *= self._follows(cell, nets, data)[row[data], row[STATE]]
                total += chance
        return total

    def _follows(
        self, cell: Cell, nets: Mapping[str, int], data: str
    ) -> dict[tuple[int, int], float]:
        """How likely a flip-flop's data input and its bit are what."""
        ahead, now = self._high(cell, nets, data), self._high(cell, nets, STATE)
        rates = [
            self._activity.rate(nets[pin.name])
            for pin in cell.outputs if nets.get(pin.name, -1) >= 0
        ]  # fmt: skip
        changes = max(rates, default=0.0)
        both = (ahead + now - changes) / 2
        both = min(max(both, ahead + now - 1, 0.0), ahead, now)
        return {
            (1, 1): both, (1, 0): ahead - both, (0, 1): now - both, (0, 0): 1 - ahead - now + both,
        }  # fmt: skip

    def _high(self, cell: Cell, nets: Mapping[str, int], name: str) -> float:
        """The share of time that a pin or the state is 1; one that is left open is 0."""
        if name != STATE:
            return self._duty(nets.get(name))
        straight, *opposite = state_names(cell)
        for pin in cell.outputs:
            if pin.name in nets and pin.function is not None:
                function = pin.function.strip("() ")
                if function == straight:
                    return self._duty(nets[pin.name])
                if function in opposite:
                    return 1 - self._duty(nets[pin.name])
        return 0.5

    def _duty(self, net: int | None) -> float:
        if net is None or net < 0:
            return 1.0 if net == ONE else 0.0
        return self._activity.duty(net)


def _table(function: str) -> _Table:
    names = tuple(dict.fromkeys(_WORD.findall(function)))
    return truth_table(function, names), names


def _passing(function: str, source: str, condition: str) -> _Table:
    """The table of where a condition holds and an input makes a difference."""
    names = tuple(dict.fromkeys(_WORD.findall(f"{function} {condition}")))
    if source not in names:
        return 0, ()
    rows, holds = truth_table(function, names), truth_table(condition, names)
    other = 1 << names.index(source)
    found = 0
    for row in range(1 << len(names)):
        if (rows >> row ^ rows >> (row ^ other)) & holds >> row & 1:
            found |= 1 << row
    return found, names

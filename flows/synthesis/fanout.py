"""Trees of buffers behind nets that many cells wait for.

ABC sizes and buffers the logic between registers and module ports, a piece at a time, and sees no
load behind either: an enable of a hundred flip-flops is one output to it. Here each such net gets
a tree of buffers, so that no driver and no port has more than :attr:`Fanout.limit` to drive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import NamedTuple

from .liberty import Cell, Library
from .logic import ideal_nets
from .netlist import Instance, Module, Netlist
from .timing import Environment

__all__ = ["Fanout"]

_EFFORT = 8
"""Loads of its own kind that a buffer drives: near the fastest tree, and far from the largest."""

_TOLERATED = 1.5
"""Times the limit that a net may have before a tree is worth its delay."""


class _Sink(NamedTuple):
    """An input that a net drives: the pin's nets, which bit of them, its capacitance in fF."""

    nets: list[int]
    bit: int
    load: float


@dataclass(frozen=True)
class Fanout:
    """What trees are made of.

    Attributes
    ----------
    buffer
        The library's fastest buffer for its load.
    limit
        Largest load of a net with a tree, fF.
    """

    library: Library
    environment: Environment
    buffer: Cell
    limit: float

    @classmethod
    def of(cls, library: Library, environment: Environment) -> Fanout:
        """The trees of a library."""
        buffers = [cell for cell in library.usable("logic") if cell.is_buffer]
        best = min(buffers, key=lambda cell: (_slowness(cell), cell.area))
        return cls(library, environment, best, _EFFORT * max(best.inputs[0].capacitance))

    def insert(self, netlist: Netlist) -> bool:
        """Add the trees to a netlist of library cells; whether there was a need for any."""
        clock = self.environment.clock
        ideal = ideal_nets(netlist, {*self.environment.ideal, *([clock] if clock else [])})
        loads: dict[str, dict[str, list[float]]] = {}
        added = False
        for name in netlist.order():
            module = netlist.modules[name]
            sinks = self._sinks(netlist, module, loads, ideal[name])
            total: dict[int, float] = {}
            for net, found in sinks.items():
                total[net] = sum(sink.load for sink in found)
                if total[net] > _TOLERATED * self.limit:
                    total[net] = self._tree(module, net, found)
                    added = True
            find = _Representatives(module)
            loads[name] = {
                port: [total.get(find(bit), 0.0) for bit in bits]
                for port, (direction, bits) in module.ports.items()
                if direction == "input"
            }
        return added

    def _sinks(
        self, netlist: Netlist, module: Module, loads: dict[str, dict[str, list[float]]],
        ideal: set[int],
    ) -> dict[int, list[_Sink]]:
        """Inputs by the net that drives them, but for ideal nets and constants."""
        find = _Representatives(module)
        spared = {find(net) for net in ideal}
        sinks: dict[int, list[_Sink]] = {}
        for instance in module.instances:
            for nets, bit, load in self._inputs(netlist, instance, loads):
                net = find(nets[bit])
                if net >= 0 and net not in spared:
                    sinks.setdefault(net, []).append(_Sink(nets, bit, load))
        return sinks

    def _inputs(
        self, netlist: Netlist, instance: Instance, loads: dict[str, dict[str, list[float]]]
    ) -> Iterator[_Sink]:
        if instance.kind in netlist.modules:
            for port, by_bit in loads[instance.kind].items():
                nets = instance.pins.get(port, [])
                yield from (_Sink(nets, bit, load) for bit, load in enumerate(by_bit[: len(nets)]))
            return
        cell = self.library.cells[instance.kind]
        for pin, nets in instance.pins.items():
            if nets and cell.pins[pin].direction == "input":
                yield _Sink(nets, 0, max(cell.pins[pin].capacitance))

    def _tree(self, module: Module, net: int, sinks: list[_Sink]) -> float:
        """Put buffers between a net and its sinks; the load that is left at the net."""
        source, output = self.buffer.inputs[0].name, self.buffer.outputs[0].name
        load = max(self.buffer.inputs[0].capacitance)
        while sum(sink.load for sink in sinks) > self.limit and len(sinks) > 1:
            above: list[_Sink] = []
            for group in _groups(sinks, self.limit):
                inner = module.new_net()
                nets = [net]
                module.instances.append(
                    Instance(f"fanout_{inner}", self.buffer.name, {source: nets, output: [inner]})
                )
                for sink in group:
                    sink.nets[sink.bit] = inner
                above.append(_Sink(nets, 0, load))
            if len(above) >= len(sinks):
                break
            sinks = above
        return sum(sink.load for sink in sinks)


class _Representatives:
    """Of the nets that aliases of a module make one, the same net for all."""

    def __init__(self, module: Module) -> None:
        self._parent: dict[int, int] = {}
        for target, source in module.aliases:
            first, second = self(target), self(source)
            if first != second and first >= 0:
                self._parent[first] = second

    def __call__(self, net: int) -> int:
        while net in self._parent:
            net = self._parent[net]
        return net


def _groups(sinks: list[_Sink], limit: float) -> Iterator[list[_Sink]]:
    """Neighbours together, as many as the limit allows, and all groups about as heavy."""
    total = sum(sink.load for sink in sinks)
    share = total / -(-total // limit)
    group: list[_Sink] = []
    weight = 0.0
    for sink in sinks:
        if group and (weight + sink.load > limit or weight + sink.load / 2 > share):
            yield group
            group, weight = [], 0.0
        group.append(sink)
        weight += sink.load
    yield group


def _slowness(cell: Cell) -> float:
    """Delay of a buffer with its load, for each e-fold of it."""
    load = _EFFORT * max(cell.inputs[0].capacitance)
    slew = 0.0
    delay = 0.0
    for _ in range(3):  # until the slew is that of a chain of them
        arcs = cell.arcs[cell.outputs[0].name]
        delays = [table(slew, load) for arc in arcs for table in arc.delay if table is not None]
        slews = [table(slew, load) for arc in arcs for table in arc.slew if table is not None]
        delay, slew = max(delays), max(slews)
    return delay / log(_EFFORT)

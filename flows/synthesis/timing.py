"""Static timing of a mapped netlist from Liberty tables, for machines without OpenSTA.

The usual graph-based analysis: slews and arrivals per net and edge in topological order, the
worst of both kept; ideal clock; ports driven by the driving cell and loaded with the given load.
No wires. It ranks every candidate of a synthesis run; a test compares it with OpenSTA.

Times in ns, loads in fF. Edge 0 is falling, edge 1 rising.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import InputError
from .liberty import Arc, Cell, Library
from .netlist import Instance, Module

__all__ = ["Environment", "PathStep", "Timing", "analyse", "electrical", "fo4"]

_NEVER = float("-inf")
_FROM_EDGES = {"positive_unate": ((0,), (1,)), "negative_unate": ((1,), (0,))}
_EITHER = ((0, 1), (0, 1))


@dataclass(frozen=True)
class Environment:
    """What is outside the design: clock port, ideal ports, driving cell and load (fF).

    Ideal ports, such as the reset, are not timed and drive any load at once.
    """

    clock: str | None
    ideal: frozenset[str]
    driving_cell: str
    load: float


@dataclass(frozen=True)
class PathStep:
    """A point of the critical path: instance (or port), its cell, and the arrival in ns."""

    instance: str
    cell: str
    arrival: float


@dataclass(frozen=True)
class Timing:
    """Longest delay in ns of each path group that exists, setup time included, and the worst path.

    Groups are `reg_to_reg`, `in_to_reg`, `reg_to_out` and `in_to_out`.
    """

    groups: dict[str, float]
    path: tuple[PathStep, ...]
    engine: str

    @property
    def delay(self) -> float:
        """The critical path: the longest of all groups, 0 if there is no path at all."""
        return max(self.groups.values(), default=0.0)


_Step = tuple[int, int, int, Instance]
# Slews at the output (fall, rise), and each step: input pin, its edge, the output's, the delay.
_Delays = tuple[float, float, tuple[tuple[str, int, int, float], ...]]


def _delays(
    arcs: Iterable[Arc],
    slews: Iterable[tuple[float, float] | None],
    loads: tuple[float, float],
) -> _Delays:
    """What the arcs of a gate do at the given slews of their inputs and loads at the output."""
    out = [0.0, 0.0]
    steps: list[tuple[str, int, int, float]] = []
    for arc, given in zip(arcs, slews, strict=True):
        if given is None or not arc.kind.startswith("combinational"):
            continue
        from_edges = _FROM_EDGES.get(arc.sense, _EITHER)
        for edge in (0, 1):
            delay, slew = arc.delay[edge], arc.slew[edge]
            if delay is None or slew is None:
                continue
            for start in from_edges[edge]:
                out[edge] = max(out[edge], slew(given[start], loads[edge]))
                steps.append((arc.source, start, edge, delay(given[start], loads[edge])))
    return out[0], out[1], tuple(steps)


class _Analysis:
    """One run: `arrival[origin][edge][net]`, origin 0 from flip-flops, 1 from input ports."""

    def __init__(self, module: Module, library: Library, environment: Environment) -> None:
        self.module, self.library, self.environment = module, library, environment
        size = module.next_net
        self.load = [[0.0] * size for _ in range(2)]
        self.slew = [[0.0] * size for _ in range(2)]
        self.arrival = [[[_NEVER] * size for _ in range(2)] for _ in range(2)]
        self.before: dict[tuple[int, int, int], _Step] = {}
        self.known: dict[object, _Delays] = {}
        self.logic: list[tuple[Instance, Cell]] = []
        self.flops: list[tuple[Instance, Cell]] = []
        for instance in module.instances:
            cell = library.cells[instance.kind]
            (self.flops if cell.kind == "flop" else self.logic).append((instance, cell))
        self._loads()

    def _loads(self) -> None:
        for instance, cell in self.flops + self.logic:
            for name, bits in instance.pins.items():
                pin = cell.pins[name]
                if bits and bits[0] >= 0 and pin.direction == "input":
                    for edge in (0, 1):
                        self.load[edge][bits[0]] += pin.capacitance[edge]
        for bit in self.module.outputs():
            if bit >= 0:
                for edge in (0, 1):
                    self.load[edge][bit] += self.environment.load

    def run(self) -> None:
        driver = self.library.cells[self.environment.driving_cell]
        drive = driver.arcs[driver.outputs[0].name]
        for name, (direction, bits) in self.module.ports.items():
            if direction != "input" or name == self.environment.clock:
                continue
            for bit in bits if name not in self.environment.ideal else []:
                if bit >= 0:
                    self._port(bit, drive)
        for instance, cell in self.flops:
            for pin in cell.outputs:
                bits = instance.pins.get(pin.name, [])
                if bits and bits[0] >= 0:
                    self._launch(instance, cell.arcs.get(pin.name, []), bits[0])
        for instance, cell in self._topological():
            for pin in cell.outputs:
                bits = instance.pins.get(pin.name, [])
                if bits and bits[0] >= 0:
                    self._through(instance, cell, pin.name, bits[0])

    def _port(self, net: int, drive: Iterable[Arc]) -> None:
        for edge in (0, 1):
            load = self.load[edge][net]
            for arc in drive:
                delay, slew = arc.delay[edge], arc.slew[edge]
                if delay is None or slew is None:
                    continue
                # The driver's own unloaded delay belongs to whatever stands outside.
                arrival = delay(0.0, load) - delay(0.0, 0.0)
                self.arrival[1][edge][net] = max(self.arrival[1][edge][net], arrival)
                self.slew[edge][net] = max(self.slew[edge][net], slew(0.0, load))

    def _launch(self, instance: Instance, arcs: Iterable[Arc], net: int) -> None:
        for arc in arcs:
            if not arc.kind.endswith("_edge"):
                continue
            for edge in (0, 1):
                delay, slew = arc.delay[edge], arc.slew[edge]
                if delay is None or slew is None:
                    continue
                load = self.load[edge][net]
                arrival = delay(0.0, load)
                if arrival > self.arrival[0][edge][net]:
                    self.arrival[0][edge][net] = arrival
                    self.before[0, edge, net] = (-1, -1, -1, instance)
                self.slew[edge][net] = max(self.slew[edge][net], slew(0.0, load))

    def _through(self, instance: Instance, cell: Cell, pin: str, net: int) -> None:
        arcs = cell.arcs.get(pin, [])
        pins = instance.pins
        slews = tuple(
            (self.slew[0][bits[0]], self.slew[1][bits[0]]) if bits and bits[0] >= 0 else None
            for bits in (pins.get(arc.source) for arc in arcs)
        )
        # Equal parts of an array have equal slews and loads: their tables are read once.
        key = (cell.name, pin, self.load[0][net], self.load[1][net], slews)
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = _delays(arcs, slews, key[2:4])
        fall, rise, steps = known
        self.slew[0][net] = max(self.slew[0][net], fall)
        self.slew[1][net] = max(self.slew[1][net], rise)
        for origin, arrival in enumerate(self.arrival):
            for pin_in, start, edge, time in steps:
                source = pins[pin_in][0]
                at = arrival[start][source] + time
                if at > arrival[edge][net]:
                    arrival[edge][net] = at
                    self.before[origin, edge, net] = (origin, start, source, instance)

    def _topological(self) -> list[tuple[Instance, Cell]]:
        driven = {
            bits[0]: index
            for index, (instance, cell) in enumerate(self.logic)
            for pin, bits in instance.pins.items()
            if bits and cell.pins[pin].direction == "output"
        }
        waiting = [0] * len(self.logic)
        readers: dict[int, list[int]] = defaultdict(list)
        for index, (instance, cell) in enumerate(self.logic):
            for pin, bits in instance.pins.items():
                if bits and cell.pins[pin].direction == "input" and bits[0] in driven:
                    readers[driven[bits[0]]].append(index)
                    waiting[index] += 1
        ready = [index for index, number in enumerate(waiting) if number == 0]
        order: list[tuple[Instance, Cell]] = []
        while ready:
            index = ready.pop()
            order.append(self.logic[index])
            for reader in readers[index]:
                waiting[reader] -= 1
                if waiting[reader] == 0:
                    ready.append(reader)
        if len(order) != len(self.logic):
            raise InputError(
                f"design {self.module.name} must have no combinational loop, "
                f"not one through {len(self.logic) - len(order)} cells"
            )
        return order

    def ends(self) -> Iterable[tuple[float, str, tuple[int, int, int], str, str]]:
        """All path ends: delay with setup, group, (origin, edge, net), name and cell of the end."""
        for name, (direction, bits) in self.module.ports.items():
            for index, bit in enumerate(bits if direction == "output" else []):
                label = f"{name}[{index}]" if len(bits) > 1 else name
                yield from self._end(bit, "out", (0.0, 0.0), label, "port")
        for instance, cell in self.flops:
            for pin in cell.inputs:
                bits = instance.pins.get(pin.name, [])
                setup = [_NEVER, _NEVER]
                for arc in cell.arcs.get(pin.name, []):
                    if bits and bits[0] >= 0 and arc.kind.startswith("setup"):
                        for edge in (0, 1):
                            table = arc.delay[edge]
                            if table is not None:
                                # Constraint tables are indexed by data slew and clock slew in
                                # either order; both slews are known, the clock's is 0.
                                time = table(self.slew[edge][bits[0]], 0.0)
                                setup[edge] = max(setup[edge], time)
                if bits:
                    yield from self._end(bits[0], "reg", (setup[0], setup[1]), instance.name,
                                         cell.name)  # fmt: skip

    def _end(
        self, net: int, kind: str, setup: tuple[float, float], name: str, cell: str
    ) -> Iterable[tuple[float, str, tuple[int, int, int], str, str]]:
        if net < 0:
            return
        for origin, start in enumerate(("reg", "in")):
            for edge in (0, 1):
                time = self.arrival[origin][edge][net] + setup[edge]
                if time > _NEVER:
                    yield time, f"{start}_to_{kind}", (origin, edge, net), name, cell

    def trace(self, end: tuple[int, int, int]) -> list[PathStep]:
        """The path to an end, first point first."""
        steps: list[PathStep] = []
        point = end
        while True:
            origin, edge, net = point
            arrival = self.arrival[origin][edge][net]
            step = self.before.get(point)
            if step is None:
                steps.append(PathStep(self.module.net_names.get(net, "input"), "port", arrival))
                return steps[::-1]
            steps.append(PathStep(step[3].name, step[3].kind, arrival))
            if step[0] < 0:
                return steps[::-1]
            point = step[:3]


def analyse(module: Module, library: Library, environment: Environment) -> Timing:
    """Time a flat mapped module.

    Raises
    ------
    InputError
        If the logic has a combinational loop.
    """
    run = _Analysis(module, library, environment)
    run.run()
    groups: dict[str, float] = {}
    worst: tuple[float, str, tuple[int, int, int], str, str] | None = None
    for end in run.ends():
        groups[end[1]] = max(groups.get(end[1], _NEVER), end[0])
        if worst is None or end[0] > worst[0]:
            worst = end
    path: tuple[PathStep, ...] = ()
    if worst is not None:
        path = (*run.trace(worst[2]), PathStep(worst[3], worst[4], worst[0]))
    return Timing(groups, path, "gatewright")


def electrical(
    module: Module, library: Library, environment: Environment
) -> tuple[list[list[float]], list[list[float]]]:
    """Return load (fF) and slew (ns) of each net of a flat mapped module, by edge: [edge][net]."""
    run = _Analysis(module, library, environment)
    run.run()
    return run.load, run.slew


def fo4(library: Library) -> float:
    """Delay in ns of the library's smallest inverter that drives four of its own kind.

    Mean of both edges, at the slew that a chain of such inverters settles at.
    """
    inverter = next((cell for cell in library.usable("logic") if cell.is_inverter), None)
    if inverter is None:
        raise InputError(f"{library.path} must have an inverter that mapping may use")
    pin = inverter.inputs[0]
    slew = [0.0, 0.0]
    times = [0.0, 0.0]
    for _ in range(24):
        fresh = [0.0, 0.0]
        for edge in (0, 1):
            load = 4.0 * pin.capacitance[edge]
            for arc in inverter.arcs[inverter.outputs[0].name]:
                delay, transition = arc.delay[edge], arc.slew[edge]
                if delay is not None and transition is not None:
                    times[edge] = delay(slew[1 - edge], load)
                    fresh[edge] = transition(slew[1 - edge], load)
        slew = fresh
    return sum(times) / 2

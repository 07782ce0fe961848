"""Energy of a cycle: what nets take to be charged, what cells take inside, what leaks.

For each net that a cell drives, ``C V^2 / 2`` per change, with the capacitance of all pins on it;
for each output of a cell the internal energy per change, where several inputs can be the cause each
by its share of changes that come through; for each input its own; and leakage. This is how OpenSTA
adds up power, so that both can be compared on the same activity.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..synthesis.liberty import Cell, Library
from ..synthesis.netlist import Instance, Module
from ..synthesis.timing import Environment, electrical
from .activity import Activity
from .internal import Internal, Internals, supply
from .likelihood import Likelihood

__all__ = ["Energy", "energy_per_cycle"]


@dataclass(frozen=True)
class Energy:
    """Energy of a clock cycle, in fJ (built-in technology: ``C V^2`` of an inverter's input).

    Attributes
    ----------
    switching
        Of nets that cells drive.
    internal
        Inside cells.
    inputs
        Of nets that ports drive, the clock's above all: taken from whoever drives them, and no
        part of the total.
    leakage_nw
        Leakage in nW.
    instances
        Switching and internal energy of the cells that each instance of a module holds itself, by
        its path; the top's is empty.
    """

    switching: float
    internal: float
    inputs: float
    leakage_nw: float
    instances: dict[str, float]

    @property
    def dynamic(self) -> float:
        """Switching and internal."""
        return self.switching + self.internal


def energy_per_cycle(
    module: Module, library: Library, environment: Environment, activity: Activity
) -> Energy:
    """Return the energy of a flat mapped module at an activity."""
    job = _Sum(module, library, environment, activity)
    for instance in module.instances:
        job.add(instance)
    inputs = sum(
        job.charge(bit) for direction, bits in module.ports.values() if direction == "input"
        for bit in bits if bit >= 0
    )  # fmt: skip
    leakage = sum(library.cells[each.kind].leakage_nw for each in module.instances)
    return Energy(job.switching, job.internal, inputs, leakage, job.instances)


class _Sum:
    def __init__(
        self, module: Module, library: Library, environment: Environment, activity: Activity
    ) -> None:
        self.load, self.slew = electrical(module, library, environment)
        self.library, self.activity = library, activity
        self.likely = Likelihood(activity)
        self.internals, self.volts = Internals(library), supply(library)
        self.switching = self.internal = 0.0
        self.instances: dict[str, float] = {}

    def charge(self, net: int) -> float:
        """Energy that a net takes in a cycle."""
        load = (self.load[0][net] + self.load[1][net]) / 2
        return load * self.volts**2 / 2 * self.activity.rate(net)

    def add(self, instance: Instance) -> None:
        cell = self.library.cells[instance.kind]
        nets = {pin: bits[0] for pin, bits in instance.pins.items() if bits}
        switching = sum(
            self.charge(nets[pin.name]) for pin in cell.outputs if nets.get(pin.name, -1) >= 0
        )
        internal = 0.0
        for name, groups in self.internals.of(cell.name).items():
            if nets.get(name, -1) >= 0:
                internal += self._inside(cell, nets, name, groups)
        self.switching += switching
        self.internal += internal
        place = instance.name.rpartition("/")[0]
        self.instances[place] = self.instances.get(place, 0.0) + switching + internal

    def _inside(
        self, cell: Cell, nets: dict[str, int], name: str, groups: list[Internal]
    ) -> float:
        net = nets[name]
        rate = self.activity.rate(net)
        own = [each for each in groups if each.related is None]
        caused = [each for each in groups if each.related is not None]
        total = sum(
            rate * self.likely.condition(cell, nets, each.when)
            * each.energy(self._slew(net), self._load(net)) for each in own
        )  # fmt: skip
        weights = [self._weight(cell, nets, name, each) for each in caused]
        if not any(weights):
            weights = [1.0] * len(caused)  # nets that hang together made what seems impossible
        for each, weight in zip(caused, weights, strict=True):
            slew = self._slew(nets.get(each.related or "", -1))
            share = weight / sum(weights)
            total += rate * share * each.energy(slew, self._load(net))
        return total

    def _weight(self, cell: Cell, nets: dict[str, int], name: str, group: Internal) -> float:
        """How many changes of the output come from a group's cause and condition, in proportion."""
        source = group.related or ""
        net = nets.get(source, -1)
        if net < 0:
            return 0.0
        chance = self.likely.passes(cell, nets, source, name, group.when)
        return self.activity.rate(net) * chance

    def _slew(self, net: int) -> tuple[float, float]:
        return (self.slew[0][net], self.slew[1][net]) if net >= 0 else (0.0, 0.0)

    def _load(self, net: int) -> tuple[float, float]:
        return self.load[0][net], self.load[1][net]

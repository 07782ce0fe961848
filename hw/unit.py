"""Unit: a component whose class and parameters are its identity.

Amaranth turns every instance of a component into a module of its own. A :class:`Unit` turns into
one module for each distinct ``(class, parameters)``, however often it is instantiated: the netlist
of an array has one processing element, not rows x columns of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from amaranth.hdl import ClockSignal, Const, Elaboratable, Instance, Module, ResetSignal, Value
from amaranth.lib import wiring

__all__ = ["EmittedUnit", "Library", "PortedUnit", "Unit", "flat_ports", "module_name"]

_UNIT_MARK = re.compile(r"unit\.(\d+)\.")


def flat_ports(component: wiring.Component) -> Iterator[tuple[str, wiring.Flow, Value]]:
    """Yield ``(name, flow, value)`` for each leaf port, names joined with ``__``.

    A ``ready`` or ``valid`` that is always 1 by its signature is no port.
    """
    for path, member, value in component.signature.flatten(component):
        port = Value.cast(value)
        if not isinstance(port, Const):
            yield "__".join(map(str, path)), member.flow, port


class Unit(wiring.Component):
    """A hardware component that is emitted once per distinct ``(type(self), self.p)``.

    Subclasses compute their signature from ``p``, and describe their logic in :meth:`body`.
    Simulated with Amaranth (``platform=None``) a unit is inlined, so that inner signals can be
    looked at; converted through a :class:`Library` it becomes an instance of a shared module.

    Rules that keep both forms equal: everything that changes ``body`` is in ``p``; a parent reads
    only the ports of a child; no ``EnableInserter`` or ``ResetInserter`` around a unit (the
    inserted logic would be lost on the shared module).

    Parameters
    ----------
    p : frozen dataclass
        Parameters, hashable; with the class, the identity of the module.
    signature : mapping of str to :class:`amaranth.lib.wiring.Member`
        Ports, computed from ``p``.

    Raises
    ------
    TypeError
        If ``p`` is not a hashable dataclass instance.
    """

    def __init__(self, p: Any, signature: dict[str, wiring.Member]) -> None:
        if not is_dataclass(p) or isinstance(p, type) or not isinstance(p, Hashable):
            raise TypeError(f"p must be an instance of a frozen dataclass, not {p!r}")
        self.p = p
        super().__init__(signature)

    def body(self) -> Module:
        """Describe the logic of this unit."""
        raise TypeError(f"{type(self).__name__} must define body()")

    def elaborate(self, platform: object) -> Elaboratable:
        if not isinstance(platform, Library) or platform.is_top(self):
            return self.body()
        emitted = platform.require(self)
        ports: list[tuple[str, str, Value]] = []
        if emitted.has_clock:
            ports.append(("i", "clk", ClockSignal()))
        if emitted.has_reset:
            ports.append(("i", "rst", ResetSignal()))
        for name, flow, value in flat_ports(self):
            ports.append(("i" if flow is wiring.In else "o", name, value))
        return Instance(emitted.mark, *ports)


class PortedUnit(Elaboratable):
    """A unit whose signature has the ports that :func:`flat_ports` tells, and no others.

    Amaranth would refuse to make ports of the constants for what is always valid or ready.
    """

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        members = {}
        for name, flow, value in flat_ports(unit):
            members[name] = flow(value.shape())
            setattr(self, name, value)
        self.signature = wiring.Signature(members)

    def elaborate(self, platform: object) -> Elaboratable:
        return self._unit


@dataclass
class EmittedUnit:
    """A unit that was converted: its RTLIL text and what its instances must connect."""

    unit: Unit
    mark: str
    text: str
    has_clock: bool
    has_reset: bool


class Library:
    """The set of distinct units of one design, each converted once, children before parents.

    Parameters
    ----------
    convert : callable
        ``convert(unit, name, library) -> str`` gives the RTLIL text of one unit. It is called for
        a child while its parent is being converted.

    Notes
    -----
    Module names are settled at the end, when all variants of a class are known: a class that
    occurs with one set of parameters has its plain name; otherwise the parameters that differ are
    appended (``cluster_rows_4``). Until then modules carry a mark that :meth:`text` replaces.
    """

    def __init__(self, convert: Callable[[Unit, str, Library], str]) -> None:
        self._convert = convert
        self._emitted: dict[tuple[type[Unit], Any], EmittedUnit] = {}
        self._tops: list[Unit] = []
        self._count = 0

    def is_top(self, unit: Unit) -> bool:
        return bool(self._tops) and self._tops[-1] is unit

    def require(self, unit: Unit) -> EmittedUnit:
        """Return the shared module of ``unit``, converting it if it is the first of its kind."""
        key = (type(unit), unit.p)
        if key not in self._emitted:
            mark = f"unit.{self._count}."
            self._count += 1
            self._tops.append(unit)
            try:
                text = self._convert(unit, mark, self)
            finally:
                self._tops.pop()
            self._emitted[key] = EmittedUnit(
                unit, mark, text,
                has_clock=re.search(r"^  wire .*\\clk$", text, re.MULTILINE) is not None,
                has_reset=re.search(r"^  wire .*\\rst$", text, re.MULTILINE) is not None,
            )
        return self._emitted[key]

    def names(self, top: str) -> dict[str, str]:
        """Map each mark to the name of its module; the unit required last is ``top``."""
        units = list(self._emitted.values())
        names = {units[-1].mark: top}
        by_class: dict[type[Unit], list[EmittedUnit]] = {}
        for emitted in units[:-1]:
            by_class.setdefault(type(emitted.unit), []).append(emitted)
        taken = {top}
        for cls, variants in by_class.items():
            for emitted, name in zip(variants, _variant_names(cls, variants), strict=True):
                while name in taken:
                    name += "_"
                taken.add(name)
                names[emitted.mark] = name
        return names

    def port_order(self, top: str) -> dict[str, list[str]]:
        """Map each module name to its ports in the order of the signature."""
        names = self.names(top)
        return {
            names[emitted.mark]: [port for port, _, _ in flat_ports(emitted.unit)]
            for emitted in self._emitted.values()
        }

    def text(self, top: str) -> str:
        """Return the RTLIL of all modules, with their final names."""
        names = self.names(top)
        raw = "\n".join(emitted.text for emitted in self._emitted.values())
        return _UNIT_MARK.sub(lambda match: names[match.group()], raw)


def module_name(cls: type[Unit]) -> str:
    """Return the class name in snake case: ``FlintArray`` is ``flint_array``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__)
    return words.lower()


def _slug(value: object) -> str | None:
    """Return a short form of a parameter for a module name, None if it has none."""
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int) and value >= 0:
        return str(value)
    if isinstance(value, str) and re.fullmatch(r"\w{1,16}", value):
        return value.lower()
    return None


def _variant_names(cls: type[Unit], variants: list[EmittedUnit]) -> list[str]:
    base = module_name(cls)
    if len(variants) == 1:
        return [base]
    differing = [
        field.name for field in fields(variants[0].unit.p)
        if len({getattr(emitted.unit.p, field.name) for emitted in variants}) > 1
    ]
    names = []
    for index, emitted in enumerate(variants):
        slugs = [(name, _slug(getattr(emitted.unit.p, name))) for name in differing]
        parts = [f"{name}_{slug}" for name, slug in slugs if slug is not None]
        candidate = "_".join([base, *parts])
        legible = len(parts) == len(differing) and len(candidate) <= 48
        names.append(candidate if legible else f"{base}_{index}")
    return names

"""The logic between flip-flops, cut into independent pieces that are mapped one by one.

An array of a thousand equal processing elements has a thousand times the same logic between its
flip-flops. Pieces are therefore put into a canonical form: equal ones are mapped once, flattened or
not, and a larger array finds the pieces of a smaller one in the cache.

Two gates are of one piece if a net joins them: one that a gate drives, or an input with more than
`SHARED` readers, whose buffering must be seen as a whole. The reset is left out: its tree is made
in placement, as the clock's is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b

from ...errors import InputError
from .netlist import GATES, ONE, ZERO, Instance, Module, Netlist

__all__ = ["SHARED", "Logic", "ideal_nets", "instances", "pieces"]

SHARED = 8


@dataclass(frozen=True)
class Logic:
    """A piece of logic as BLIF whose net `n<i>` is net `nets[i]` of the module."""

    blif: str
    gates: int
    nets: tuple[int, ...]


def ideal_nets(netlist: Netlist, ports: Collection[str]) -> dict[str, set[int]]:
    """Nets of each module that top ports `ports` drive directly, through any level of hierarchy."""
    found: dict[str, set[int]] = {name: set() for name in netlist.modules}
    top = netlist.modules[netlist.top]
    for name in ports:
        if name in top.ports:
            found[netlist.top].update(bit for bit in top.ports[name][1] if bit >= 0)
    for name in reversed(netlist.order()):
        for instance in netlist.modules[name].instances:
            child = netlist.modules.get(instance.kind)
            if child is None:
                continue
            for port, bits in instance.pins.items():
                inner = child.ports[port][1]
                for outside, inside in zip(bits, inner, strict=False):
                    if outside in found[name]:
                        found[instance.kind].add(inside)
    return found


def pieces(module: Module, ideal: Collection[int]) -> list[Logic]:
    """Cut the gates of `module` into independent pieces of logic.

    Nets in `ideal` join nothing. `InputError` if gates form a loop.
    """
    gates = [instance for instance in module.instances if instance.kind in GATES]
    driver = {gate.pins["Y"][0]: index for index, gate in enumerate(gates)}
    readers: dict[int, list[int]] = defaultdict(list)
    for index, gate in enumerate(gates):
        for pin in GATES[gate.kind][0]:
            readers[gate.pins[pin][0]].append(index)
    leader = list(range(len(gates)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for net, reading in readers.items():
        if net in driver:
            group = [driver[net], *reading]
        elif net >= 0 and net not in ideal and len(reading) > SHARED:
            group = reading
        else:
            continue
        first = find(group[0])
        for index in group[1:]:
            leader[find(index)] = first
    wanted = set(module.outputs())
    for instance in module.instances:
        if instance.kind not in GATES:
            wanted.update(bit for bits in instance.pins.values() for bit in bits)
    groups: dict[int, list[Instance]] = defaultdict(list)
    for index, gate in enumerate(gates):
        groups[find(index)].append(gate)
    found = (_canonical(group, wanted) for group in groups.values())
    return [logic for logic in found if logic is not None]


def _hash(*parts: object) -> bytes:
    return blake2b(repr(parts).encode(), digest_size=8).digest()


def _canonical(gates: list[Instance], wanted: Collection[int]) -> Logic | None:
    """BLIF of gates with nets numbered by structure, so that equal logic gives equal text."""
    driver = {gate.pins["Y"][0]: gate for gate in gates}
    outputs = sorted(net for net in driver if net in wanted)
    if not outputs:
        return None
    order = _sorted_by_dependence(gates, driver)
    labels: dict[int, bytes] = {ZERO: b"0", ONE: b"1"}
    for _ in range(2):
        # Names flow from inputs to outputs, then back, so that inputs differ by what they reach.
        for gate in order:
            operands = tuple(
                labels.setdefault(gate.pins[pin][0], b"") for pin in GATES[gate.kind][0]
            )
            net = gate.pins["Y"][0]
            labels[net] = _hash(labels.get(net, b""), gate.kind, operands, net in wanted)
        reached: dict[int, list[bytes]] = defaultdict(list)
        for gate in reversed(order):
            for pin in GATES[gate.kind][0]:
                reached[gate.pins[pin][0]].append(_hash(labels[gate.pins["Y"][0]], pin))
        for net, above in reached.items():
            if net >= 0:
                labels[net] = _hash(labels[net], tuple(sorted(above)))
    outputs.sort(key=lambda net: labels[net])
    numbers: dict[int, int] = {}
    body: list[str] = []
    stack = [(net, False) for net in reversed(outputs)]
    while stack:
        net, done = stack.pop()
        by = driver.get(net)
        if done and by is not None:
            pins, rows = GATES[by.kind]
            names = " ".join(_name(by.pins[pin][0], numbers) for pin in pins)
            body += [f".names {names} n{numbers[net]}", *rows]
        elif net >= 0 and net not in numbers:
            numbers[net] = len(numbers)
            if by is not None:
                stack.append((net, True))
                stack += [(by.pins[pin][0], False) for pin in reversed(GATES[by.kind][0])]
    inputs = [f"n{number}" for net, number in numbers.items() if net not in driver]
    lines = [
        ".model logic",
        ".inputs " + " ".join(inputs),
        ".outputs " + " ".join(f"n{numbers[net]}" for net in outputs),
        *(".names zero", ".names one", "1"),
        *body,
        ".end",
    ]
    return Logic("\n".join(lines) + "\n", len(gates), tuple(numbers))


def _sorted_by_dependence(gates: list[Instance], driver: dict[int, Instance]) -> list[Instance]:
    """Gates, each after those that drive it."""
    order: list[Instance] = []
    done: dict[int, bool] = {}
    for start in gates:
        stack = [start.pins["Y"][0]]
        while stack:
            net = stack[-1]
            gate = driver[net]
            if net in done:
                stack.pop()
                if not done[net]:
                    done[net] = True
                    order.append(gate)
                continue
            done[net] = False
            for pin in GATES[gate.kind][0]:
                source = gate.pins[pin][0]
                if source in driver and not done.get(source, False):
                    if source in done:
                        raise InputError(
                            f"design must have no combinational loop, not one through "
                            f"{gate.kind} {gate.name}"
                        )
                    stack.append(source)
    return order


def _name(net: int, numbers: dict[int, int]) -> str:
    return {ZERO: "zero", ONE: "one"}.get(net) or f"n{numbers[net]}"


def instances(
    blif: str, logic: Logic, module: Module, prefix: str
) -> tuple[list[Instance], list[tuple[int, int]]]:
    """Library cells of the mapped `blif` of a piece, and pairs (target, source) of equal nets.

    New nets are taken from `module`; cells are named PREFIX and a number.
    """
    names: dict[str, int] = {}

    def net(name: str) -> int:
        if re.fullmatch(r"n\d+", name):
            return logic.nets[int(name[1:])]
        if name not in names:
            names[name] = module.new_net()
        return names[name]

    cells: list[Instance] = []
    aliases: list[tuple[int, int]] = []
    lines = _lines(blif)
    index = 0
    while index < len(lines):
        words = lines[index].split()
        index += 1
        if words[0] == ".gate" and not words[1].startswith("_const"):
            pins = dict(word.split("=", 1) for word in words[2:])
            named = {pin: [net(value)] for pin, value in pins.items()}
            cells.append(Instance(f"{prefix}{len(cells) + 1}", words[1], named))
        elif words[0] == ".gate":
            target = words[2].split("=", 1)[1]
            aliases.append((net(target), ONE if words[1].startswith("_const1") else ZERO))
        elif words[0] == ".names":
            rows = []
            while index < len(lines) and not lines[index].startswith("."):
                rows.append(lines[index])
                index += 1
            if len(words) == 2:
                aliases.append((net(words[1]), ONE if rows == ["1"] else ZERO))
            elif len(words) == 3 and rows == ["1 1"]:
                aliases.append((net(words[2]), net(words[1])))
            else:
                raise ValueError(f"unexpected logic in a mapped netlist: {lines[index - 1]}")
    return cells, aliases


def _lines(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    lines = [line.split("#")[0].strip() for line in joined.splitlines()]
    return [line for line in lines if line]

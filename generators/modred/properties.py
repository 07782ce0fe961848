"""What the modred generator claims: residues, bounds of stages, contents of tables, streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal

from ...hw.modred.reducer import Reducer, ReducerParameters
from ..formal import Always, Claim, Computed, Finding, ForEvery, Property
from ..stream_claims import alive, conserves, stable
from .config import Architecture, ModredConfig

__all__ = ["SMALL", "divides", "every_residue", "properties"]

SMALL = 181
"""A modulus of 8 bits, neither near a power of two nor with a simple inverse."""
_PROVEN = 91
"""Of 7 bits: what a miter takes seconds for."""
_EXHAUSTED = 20
"""Bits of an operand all of which are simulated."""
_ENTRIES = 1 << 16
"""Most entries of a table that are gone through one by one."""


def properties(config: ModredConfig) -> list[Property]:
    """Return the properties of a design, and of every method at small sizes."""
    found: list[Property] = []
    for method in Architecture:
        if method is Architecture.AUTO:
            continue
        p = _reducer(method, SMALL)
        found.append(_exhausted(f"every-operand.{method}-{SMALL}", p))
    found += [
        Property(
            f"miter.{method}-{_PROVEN}",
            f"the gates give the s below {_PROVEN} with x = q {_PROVEN} + s, for every q and s",
            Always(partial(divides, _reducer(method, _PROVEN, pipeline="none"))),
        )
        for method in (Architecture.LUT, Architecture.BARRETT_MCM)
    ]
    p = config.reducer
    if p.width <= _EXHAUSTED:
        found.append(_exhausted("every-operand.design", p))
    found += [
        Property(
            "bounds.design", "the largest value of every stage is within what the next one takes",
            Computed(partial(_bounds, p)),
        ),
        *(
            Property(
                f"tables.{name}", "entry v of every table is v 2^s mod M, by adding 2^s mod M up",
                Computed(partial(_tables, each)),
            )
            for name, each in {"design": p, "lut": _reducer(Architecture.LUT, config.value)}.items()
            if each.tables
        ),
    ]  # fmt: skip
    tagged = replace(_reducer(Architecture.LUT, 13), tag_bits=2)
    most = tagged.latency + 1
    found += [
        Property(
            "stream.stable", "a residue that is offered stays until it is taken",
            Always(stable(tagged.create, most)),
        ),
        Property(
            "stream.conserves", "operands come out as residues once each, in order, by their tags",
            Always(conserves(tagged.create, most, _tag, _tag)),
        ),
        Property(
            "stream.alive",
            f"with the receiver ready, nothing waits for more than {most} cycles",
            Always(alive(tagged.create, most, most)),
        ),
    ]  # fmt: skip
    return found


def _tag(m: Module, payload: Any) -> Any:
    return payload.tag


def _reducer(method: Architecture, modulus: int, **options: Any) -> ReducerParameters:
    return ModredConfig(modulus=modulus, architecture=method, **options).reducer


def _exhausted(name: str, p: ReducerParameters) -> Property:
    return Property(
        name, f"the reducer gives x mod {p.modulus} for each of the 2^{p.width} operands",
        every_residue(p, p.create),
    )  # fmt: skip


def every_residue(p: ReducerParameters, make: Callable[[], Reducer]) -> ForEvery:
    """Every operand through a reducer, against ``%``."""

    def inputs() -> dict[str, Any]:
        return {"x": np.arange(1 << p.width, dtype=np.int64)}

    def expected(given: Mapping[str, Any]) -> dict[str, Any]:
        return {"r": given["x"] % p.modulus * p.factor % p.modulus}

    return ForEvery(make, inputs, expected)


def divides(p: ReducerParameters, claim: Claim) -> None:
    """Claim that a reducer without registers gives the remainder, which is what division says.

    The quotient and the remainder are free: to a solver that is easier than a divider.
    """
    reducer: Any = p.create()
    m = claim.m
    m.submodules.reducer = reducer
    bits = ((1 << p.width) - 1) // p.modulus
    quotient = claim.free(bits.bit_length(), "quotient")
    remainder = claim.free(p.residue_bits, "remainder")
    x = Signal(p.width + 1)
    m.d.comb += [
        x.eq(quotient * p.modulus + remainder), reducer.i.payload.x.eq(x),
        reducer.i.valid.eq(1), reducer.o.ready.eq(1),
    ]  # fmt: skip
    claim.assume((remainder < p.modulus) & ~x[-1])
    claim.hold(reducer.o.payload.r == remainder)
    claim.hold(reducer.o.valid & reducer.i.ready)


def _bounds(p: ReducerParameters) -> Finding:
    says = [
        f"{each.name}: at most {_short(each.value)}"
        + (f" of {_short(each.limit)}" if each.limit is not None else "") + f" ({each.reason})"
        for each in p.bounds
    ]  # fmt: skip
    wrong = next((each for each in p.bounds if not each.holds), None)
    told = None if wrong is None else {
        "stage": wrong.name, "value": str(wrong.value), "limit": str(wrong.limit)
    }  # fmt: skip
    return Finding(len(p.bounds), says, told)


def _short(value: int) -> str:
    return str(value) if value.bit_length() <= 40 else f"{value:#x}"


def _tables(p: ReducerParameters) -> Finding:
    cases = 0
    for table in p.tables:
        for v, due in enumerate(_multiples(p.modulus, table.shift, min(len(table), _ENTRIES))):
            cases += 1
            if table[v] != due:
                where = {"shift": table.shift, "v": v, "due": str(due), "got": str(table[v])}
                return Finding(cases, (), where)
    says = [f"{len(p.tables)} tables, {cases} entries"]
    return Finding(cases, says)


def _multiples(modulus: int, shift: int, count: int) -> Iterator[int]:
    """Multiples of ``2^shift`` modulo M, by doubling and adding alone."""
    step = 1 % modulus
    for _ in range(shift):
        step += step
        if step >= modulus:
            step -= modulus
    total = 0
    for _ in range(count):
        yield total
        total += step
        if total >= modulus:
            total -= modulus

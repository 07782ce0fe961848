"""What an arbiter claims: one payload at a time, of the stream whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value

from ..hw.fabric.arbiter import PriorityArbiter, PriorityArbiterParameters
from .formal import Always, Claim, Property
from .stream_claims import offer, stays

__all__ = ["Contest", "arbiter_properties", "claims_one", "claims_turn"]

_WIDTH = 2


class Contest:
    """Streams that offer anything, into one that is taken at will.

    Attributes
    ----------
    claim
        Where it is held.
    ports, out
        The streams that go in, and the one that comes out.
    taken
        For each stream that goes in, whether its payload is taken.
    waited
        What comes out has waited since the cycle before: it is not chosen anew.
    """

    def __init__(self, claim: Claim, ports: Sequence[Any], out: Any) -> None:
        self.claim, self.ports, self.out = claim, ports, out
        for number, port in enumerate(ports):
            offer(claim, port, f"i{number}")
        claim.m.d.comb += out.ready.eq(claim.free(1, "o_ready"))
        self.taken = [port.valid & port.ready for port in ports]
        self.waited = Signal()
        claim.m.d.sync += self.waited.eq(out.valid & ~out.ready)


def claims_one(contest: Contest) -> None:
    """Claim that one payload is taken if one is passed on, else none; one is, if there is any."""
    claim, out = contest.claim, contest.out
    some: Value = Const(0, 1)
    for port in contest.ports:
        some = some | port.valid
    claim.hold(out.valid == some)
    claim.hold(sum(contest.taken, Const(0)) == (out.valid & out.ready))


def claims_turn(contest: Contest, first: Any) -> None:
    """Claim that no other stream is taken when one from ``first`` on round has a payload.

    Where nothing has waited: what waits keeps its turn (:func:`~.stream_claims.stays`).
    """
    claim, ports = contest.claim, contest.ports
    for number, taken in enumerate(contest.taken):
        before: Value = Const(0, 1)
        for other, port in enumerate(ports):
            if other != number:
                # How many places each comes behind the first, round from the last.
                ahead = _behind(first, other, len(ports)) < _behind(first, number, len(ports))
                before = before | (port.valid & ahead)
        claim.hold(~taken | contest.waited | ~before)


def _behind(first: Any, number: int, ports: int) -> Value:
    return Mux(first <= number, number - first, number + ports - first).as_unsigned()


def arbiter_properties(ports: int) -> Iterator[Property]:
    """Yield the properties of a :class:`~gatewright.hw.fabric.arbiter.PriorityArbiter`."""
    name = f"arbiter-{ports}"
    for key, says, write in (
        ("stable", "an offered payload stays, whatever becomes more urgent", _stays),
        ("one", "one payload is taken when one is passed on, else none", _one),
        ("turn", "the most urgent that has a payload goes first, unless another waits", _turn),
        ("passes", "what is passed on is the payload that is taken", _passes),
    ):
        yield Property(f"{name}.{key}", says, Always(partial(write, ports)))


def _contest(ports: int, claim: Claim) -> tuple[Contest, Any]:
    unit: Any = PriorityArbiter(PriorityArbiterParameters(_WIDTH, ports))
    m: Module = claim.m
    m.submodules.arbiter = unit
    first = claim.free(range(ports), "first")
    claim.assume(first < ports)
    m.d.comb += unit.first.eq(first)
    return Contest(claim, unit.i, unit.o), unit


def _stays(ports: int, claim: Claim) -> None:
    contest, _ = _contest(ports, claim)
    stays(claim, contest.out)


def _one(ports: int, claim: Claim) -> None:
    contest, _ = _contest(ports, claim)
    claims_one(contest)


def _turn(ports: int, claim: Claim) -> None:
    contest, unit = _contest(ports, claim)
    claims_turn(contest, unit.first)


def _passes(ports: int, claim: Claim) -> None:
    contest, unit = _contest(ports, claim)
    for number, taken in enumerate(contest.taken):
        same = unit.o.payload == contest.ports[number].payload
        claim.hold(~taken | (same & (unit.chosen == number)))

"""Claims about anything with a stream ``i`` and a stream ``o``: the rules, and that beats survive.

To follow every beat is to follow one that is chosen at will: the free input ``watch`` picks it, a
monitor counts how many beats are ahead of it, and when it comes out it must be what went in.
P. Wolper, "Expressing interesting properties of programs in propositional temporal logic" (1986),
on data independence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Module, Signal, Value

from ..hw.unit import Unit
from .formal import Claim

__all__ = ["Traffic", "alive", "conserves", "offer", "stable", "stays"]

Make = Callable[[], Unit]
Function = Callable[[Module, Any], Any]


def offer(claim: Claim, port: Any, name: str) -> Value:
    """Offer anything at a stream that comes in, as the stream rules allow; return the payload."""
    payload = Value.cast(port.payload)
    claim.m.d.comb += [
        port.valid.eq(claim.free(1, f"{name}_valid")),
        payload.eq(claim.free(payload.shape(), f"{name}_payload")),
    ]  # fmt: skip
    claim.assume(_kept(claim, port))
    return payload


def stays(claim: Claim, port: Any) -> None:
    """Claim that what a stream that goes out offers stays until it is taken."""
    claim.hold(_kept(claim, port))


def _kept(claim: Claim, port: Any) -> Value:
    payload = Value.cast(port.payload)
    waiting, offered = Signal(), Signal(payload.shape())
    claim.m.d.sync += [waiting.eq(port.valid & ~port.ready), offered.eq(payload)]
    return ~waiting | (port.valid & (payload == offered))


class Traffic:
    """A unit in free traffic that keeps the stream rules at its input.

    Attributes
    ----------
    unit
        The unit under claim.
    taken, given
        A beat moves at ``i``, at ``o``.
    inside
        Beats taken and not yet given.
    """

    def __init__(self, claim: Claim, make: Make, capacity: int) -> None:
        m = claim.m
        m.submodules.unit = self.unit = unit = make()
        self.i: Any = unit.i
        self.o: Any = unit.o
        self.payload = offer(claim, self.i, "i")
        m.d.comb += self.o.ready.eq(claim.free(1, "o_ready"))
        self.taken, self.given = Signal(), Signal()
        m.d.comb += [
            self.taken.eq(self.i.valid & self.i.ready), self.given.eq(self.o.valid & self.o.ready),
        ]  # fmt: skip
        self.inside = Signal(range(capacity + 2))
        m.d.sync += self.inside.eq(self.inside + self.taken - self.given)


def stable(make: Make, capacity: int) -> Callable[[Claim], None]:
    """Claim that an offered beat stays as it is until it is taken."""

    def write(claim: Claim) -> None:
        stays(claim, Traffic(claim, make, capacity).o)

    return write


def conserves(
    make: Make, capacity: int, function: Function | None = None, view: Function | None = None
) -> Callable[[Claim], None]:
    """Claim that each beat comes out once, in order, as ``function`` of what went in.

    ``view`` is what is looked at of what comes out; by default, all of it. And that there are never
    more than ``capacity`` inside, nor one out before it is in, unless in the same cycle.
    """

    def write(claim: Claim) -> None:
        m = claim.m
        traffic = Traffic(claim, make, capacity)
        pick = claim.free(1, "watch")
        # A unit without a register gives a beat in the cycle in which it takes it.
        claim.hold((traffic.inside + traffic.taken >= 1) | ~traffic.given)
        claim.hold(traffic.inside <= capacity)
        shown = traffic.o.payload if view is None else view(m, traffic.o.payload)
        out = Value.cast(shown)
        due = traffic.payload if function is None else Value.cast(function(m, traffic.i.payload))
        expected, watched, seen = Signal(out.shape()), Signal(), Signal()
        ahead, behind = Signal(range(capacity + 2)), Signal(range(capacity + 2))
        chosen = Signal()
        m.d.comb += [
            chosen.eq(traffic.taken & pick & ~seen), behind.eq(traffic.inside - traffic.given),
        ]  # fmt: skip
        at_once = chosen & traffic.given & (traffic.inside == 0)
        claim.hold(~at_once | (out == due))
        with m.If(chosen):
            m.d.sync += [
                seen.eq(1), watched.eq(~at_once), expected.eq(due), ahead.eq(behind),
            ]  # fmt: skip
        with m.Elif(watched & traffic.given):
            m.d.sync += ahead.eq(ahead - 1)
            with m.If(ahead == 0):
                m.d.sync += watched.eq(0)
        claim.hold(~(watched & traffic.o.valid & (ahead == 0)) | (out == expected))

    return write


def alive(make: Make, capacity: int, cycles: int) -> Callable[[Claim], None]:
    """Claim that a beat never waits for more than ``cycles`` while whoever takes it is ready.

    For one inside to come out, and for one offered to be taken.
    """

    def write(claim: Claim) -> None:
        m = claim.m
        traffic = Traffic(claim, make, capacity)
        for name, wanted, moves in (
            ("out", traffic.inside != 0, traffic.given), ("in", traffic.i.valid, traffic.taken),
        ):  # fmt: skip
            waited = Signal(range(cycles + 2), name=f"waited_{name}")
            with m.If(~wanted | moves | ~traffic.o.ready):
                m.d.sync += waited.eq(0)
            with m.Elif(waited <= cycles):
                m.d.sync += waited.eq(waited + 1)
            claim.hold(waited <= cycles)

    return write

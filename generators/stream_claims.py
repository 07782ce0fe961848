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

__all__ = ["Traffic", "alive", "conserves", "stable"]

Make = Callable[[], Unit]
Function = Callable[[Module, Any], Any]


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
        self.payload = Value.cast(self.i.payload)
        i_valid = claim.free(1, "i_valid")
        i_payload = claim.free(self.payload.shape(), "i_payload")
        o_ready = claim.free(1, "o_ready")
        m.d.comb += [
            self.i.valid.eq(i_valid), self.payload.eq(i_payload), self.o.ready.eq(o_ready),
        ]  # fmt: skip
        waiting, offered = Signal(), Signal(self.payload.shape())
        m.d.sync += [waiting.eq(i_valid & ~self.i.ready), offered.eq(i_payload)]
        claim.assume(~waiting | (i_valid & (i_payload == offered)))
        self.taken, self.given = Signal(), Signal()
        m.d.comb += [
            self.taken.eq(i_valid & self.i.ready), self.given.eq(self.o.valid & o_ready),
        ]  # fmt: skip
        self.inside = Signal(range(capacity + 2))
        m.d.sync += self.inside.eq(self.inside + self.taken - self.given)


def stable(make: Make, capacity: int) -> Callable[[Claim], None]:
    """Claim that an offered beat stays as it is until it is taken."""

    def write(claim: Claim) -> None:
        traffic = Traffic(claim, make, capacity)
        out = Value.cast(traffic.o.payload)
        waiting, offered = Signal(), Signal(out.shape())
        claim.m.d.sync += [
            waiting.eq(traffic.o.valid & ~traffic.o.ready), offered.eq(out),
        ]  # fmt: skip
        claim.hold(~waiting | traffic.o.valid)
        claim.hold(~(waiting & traffic.o.valid) | (out == offered))

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

"""What the stream blocks of all accelerators claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..hw.fabric.elastic import ElasticPipeline
from ..hw.fabric.fifo import StreamFIFO, StreamFIFOParameters
from ..hw.fabric.pipeline import Pipeline
from ..hw.gnn.queue import Queue
from ..hw.unit import Unit
from .arbiter_claims import arbiter_properties
from .formal import Always, Claim, Property
from .stream_claims import Make, alive, conserves, stable

__all__ = ["ElasticRanks", "RanksParameters", "fabric_properties", "stream_rules"]

_WIDTH = 2
"""Bits of the payloads: the blocks copy them, so that one bit stands for all."""


@dataclass(frozen=True)
class RanksParameters:
    """Ranks of registers, and bits of the payload."""

    ranks: int
    width: int


class ElasticRanks(Unit):
    """Payloads through ranks of an :class:`~gatewright.hw.fabric.elastic.ElasticPipeline`."""

    p: RanksParameters

    def __init__(self, p: RanksParameters) -> None:
        payload = stream.Signature(p.width)
        super().__init__(p, {"i": In(payload), "o": Out(payload)})

    def body(self) -> Module:
        m = Module()
        pipe = ElasticPipeline(m, valid=self.i.valid, ready=self.i.ready)
        payload = self.i.payload
        for rank in range(self.p.ranks):
            payload = pipe.cut(f"rank_{rank}", payload=payload).payload
        pipe.finish(valid=self.o.valid, ready=self.o.ready)
        m.d.comb += self.o.payload.eq(payload)
        return m


def stream_rules(
    name: str, make: Make, capacity: int, cycles: int
) -> Iterator[Property]:
    """Yield what every block that passes payloads on claims."""
    yield Property(
        f"{name}.stable", "an offered payload stays until it is taken",
        Always(stable(make, capacity)),
    )  # fmt: skip
    yield Property(
        f"{name}.conserves",
        f"payloads come out once each, in order, unchanged, at most {capacity} inside",
        Always(conserves(make, capacity)),
    )
    yield Property(
        f"{name}.alive",
        f"with the receiver ready, no payload waits for more than {cycles} cycles",
        Always(alive(make, capacity, cycles)),
    )


def fabric_properties() -> list[Property]:
    """Return the properties of every block in ``hw/fabric``, and of the queue made from one."""
    found: list[Property] = []
    for depth in (1, 2, 3, 4):
        make: Make = partial(StreamFIFO, StreamFIFOParameters(_WIDTH, depth))
        found += stream_rules(f"fifo-{depth}", make, depth, 1)
    for ranks in (1, 3):
        make = partial(ElasticRanks, RanksParameters(ranks, _WIDTH))
        found += stream_rules(f"elastic-{ranks}", make, ranks, ranks)
    for ports in (2, 3, 4):
        found += arbiter_properties(ports)
    found.append(
        Property(
            "pipeline.delays", "a free-running pipeline gives each payload after its ranks, once",
            Always(_pipeline),
        )
    )
    found.append(
        Property(
            "queue.clear", "a queue that is cleared is empty in the next cycle",
            Always(_cleared),
        )
    )
    return found


def _pipeline(claim: Claim) -> None:
    m = claim.m
    cuts = ("a", "c")
    valid, payload = claim.free(1, "valid"), claim.free(_WIDTH, "payload")
    pipe = Pipeline(m, cuts)
    at_valid, at = valid, payload
    for cut in ("a", "b", "c"):
        registered = pipe(cut, valid=at_valid, payload=at)
        at_valid, at = registered.valid, registered.payload
    late: list[tuple[Signal, Signal]] = []
    before = (valid, payload)
    for rank in range(len(cuts)):
        after = Signal(name=f"late_valid_{rank}"), Signal(_WIDTH, name=f"late_{rank}")
        m.d.sync += [after[0].eq(before[0]), after[1].eq(before[1])]
        before = after
        late.append(after)
    claim.hold(at_valid == late[-1][0])
    claim.hold(~at_valid | (at == late[-1][1]))


def _cleared(claim: Claim) -> None:
    m = claim.m
    m.submodules.queue = queue = Queue(StreamFIFOParameters(_WIDTH, 3))
    clear = claim.free(1, "clear")
    m.d.comb += [
        queue.clear.eq(clear), queue.i.valid.eq(claim.free(1, "i_valid")),
        queue.i.payload.eq(claim.free(_WIDTH, "i_payload")),
        queue.o.ready.eq(claim.free(1, "o_ready")),
    ]  # fmt: skip
    cleared = Signal()
    m.d.sync += cleared.eq(clear)
    claim.hold(~cleared | ~queue.o.valid)
    claim.hold(~cleared | queue.i.ready)

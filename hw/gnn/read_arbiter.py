"""Read arbiter: who reads next, and who gets the beats that no thread asked for."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from ..fabric.arbiter import PriorityArbiter, PriorityArbiterParameters
from ..unit import Unit
from .parameters import GnnParameters
from .tasks import CONTROL_REQUEST
from .transfers import Client, read_request

__all__ = ["ReadArbiter"]


class ReadArbiter(Unit):
    """Merge what is to be read; what comes first below goes first.

    Members
    -------
    loader, dispatcher : In(stream of CONTROL_REQUEST)
    lists, rows : In(stream of read_request)
        Requests.
    requests : Out(stream of read_request)
        To the read engine.
    beats : In(stream of {client, data, last})
        From the read engine.
    loader_beats : Out(stream of 8 * bus_bytes)
        For the loader.
    record : Out(1), record_beat : Out(8 * bus_bytes), record_last : Out(1)
        For the dispatcher, which takes every beat at once.

    Notes
    -----
    A request that waits stays; one passes in the cycle it is offered.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        width = 8 * p.bus_bytes
        beat = data.StructLayout({"client": 1, "data": width, "last": 1})
        control = In(stream.Signature(CONTROL_REQUEST))
        rows = stream.Signature(read_request(p))
        super().__init__(p, {
            "loader": control, "dispatcher": control, "lists": In(rows), "rows": In(rows),
            "requests": Out(rows), "beats": In(stream.Signature(beat)),
            "loader_beats": Out(stream.Signature(width)), "record": Out(1),
            "record_beat": Out(width), "record_last": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        request = read_request(self.p)
        m.submodules.arbiter = arbiter = PriorityArbiter(PriorityArbiterParameters(request, 4))
        controls = ((self.loader, Client.LOADER), (self.dispatcher, Client.DISPATCHER))
        for (port, client), place in zip(controls, arbiter.i, strict=False):
            asked = place.payload
            m.d.comb += [
                asked.control.eq(1), asked.job.thread.eq(client),
                asked.job.address.eq(port.payload.address), asked.job.rows.eq(port.payload.beats),
                place.valid.eq(port.valid), port.ready.eq(place.ready),
            ]
        connect(m, flipped(self.lists), arbiter.i[2])
        connect(m, flipped(self.rows), arbiter.i[3])
        connect(m, arbiter.o, flipped(self.requests))
        beat = self.beats.payload
        to_loader = beat.client == Client.LOADER
        m.d.comb += [
            self.loader_beats.payload.eq(beat.data), self.record_beat.eq(beat.data),
            self.record_last.eq(beat.last),
            self.loader_beats.valid.eq(self.beats.valid & to_loader),
            self.record.eq(self.beats.valid & ~to_loader),
            self.beats.ready.eq(~to_loader | self.loader_beats.ready),
        ]  # fmt: skip
        return m

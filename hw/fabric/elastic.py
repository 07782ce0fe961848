"""Pipeline registers with a handshake of their own at each rank."""

from __future__ import annotations

from types import SimpleNamespace

from amaranth.hdl import Module, Signal, Value, ValueCastable

__all__ = ["ElasticPipeline"]


class ElasticPipeline:
    """Ranks of registers between two streams; each rank holds only while the one ahead holds.

    A data path is written once, from its input to its output, with a call of :meth:`cut` at each
    place where a rank of registers may stand::

        pipe = ElasticPipeline(m, valid=self.i.valid, ready=self.i.ready)
        at = pipe.cut("product", product=a * b)
        at = pipe.cut("sum", wanted=p.deep, sum=at.product + 1)
        pipe.finish(valid=self.o.valid, ready=self.o.ready)

    Parameters
    ----------
    m
        Module that gets the registers, in its ``sync`` domain.
    valid, ready
        Handshake of the stream at the input; ``ready`` is driven from here.

    Notes
    -----
    Rank k loads in the cycles where it is empty or the rank ahead loads::

        ready[k] = ~valid[k] | ready[k + 1]

    so that bubbles close up, any stall changes nothing but time, and every enable drives the
    registers of one rank alone. ``ready`` of the output reaches ``ready`` of the input through one
    gate per rank; no ``ready`` reaches a ``valid``.

    Cycles: latency is the number of ranks wanted (:attr:`ranks`); one beat per cycle.
    """

    def __init__(self, m: Module, *, valid: Value, ready: Value) -> None:
        self.ranks = 0
        self._m = m
        self._valid = valid
        self._ready = ready

    def cut(
        self, name: str, *, wanted: bool = True, **values: Value | ValueCastable
    ) -> SimpleNamespace:
        """Pass ``values`` through one rank of registers, or through wires if not ``wanted``.

        They come back as attributes. Only ``valid`` is reset: what travels beside a clear
        ``valid`` means nothing.
        """
        if not wanted:
            return SimpleNamespace(**values)
        self.ranks += 1
        valid, ready = Signal(name=f"{name}_valid"), Signal(name=f"{name}_ready")
        self._m.d.comb += self._ready.eq(~valid | ready)
        registered = SimpleNamespace()
        with self._m.If(self._ready):
            self._m.d.sync += valid.eq(self._valid)
            for key, value in values.items():
                register = Signal(value.shape(), name=f"{name}_{key}", reset_less=True)
                self._m.d.sync += register.eq(value)
                setattr(registered, key, register)
        self._valid, self._ready = valid, ready
        return registered

    @property
    def ready(self) -> Value:
        """Enable of the rank that the next cut makes, for a memory whose output is part of it."""
        return self._ready

    def finish(self, *, valid: Value, ready: Value) -> None:
        """Connect the last rank to the handshake of the output stream."""
        self._m.d.comb += [valid.eq(self._valid), self._ready.eq(ready)]

"""Free-running pipeline registers at chosen cuts of a data path."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace

from amaranth.hdl import Module, Signal, Value, ValueCastable

__all__ = ["Pipeline"]


class Pipeline:
    """Registers at those cuts of a data path that are wanted.

    A data path that moves every cycle, without a stall, is written once as a sequence of cuts.
    A cut that is wanted is a rank of registers, any other is wires, so that the number of stages
    is a parameter.

    Parameters
    ----------
    m
        Module that gets the registers, in its ``sync`` domain.
    cuts
        Names of the cuts that are registers.
    """

    def __init__(self, m: Module, cuts: Collection[str]) -> None:
        self.cuts = cuts
        self._m = m

    def __call__(
        self, cut: str, *, valid: Value, **values: Value | ValueCastable
    ) -> SimpleNamespace:
        """Pass ``valid`` and ``values`` through one cut; they come back as attributes.

        Only ``valid`` is reset: what travels beside a clear ``valid`` means nothing.
        """
        if cut not in self.cuts:
            return SimpleNamespace(valid=valid, **values)
        registered = SimpleNamespace(valid=Signal(name=f"{cut}_valid"))
        self._m.d.sync += registered.valid.eq(valid)
        for name, value in values.items():
            register = Signal(value.shape(), name=f"{cut}_{name}", reset_less=True)
            self._m.d.sync += register.eq(value)
            setattr(registered, name, register)
        return registered

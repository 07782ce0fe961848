"""Signals that travel beside operands through some stages."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value

__all__ = ["delayed"]


def delayed(
    m: Module, value: Value, name: str, cycles: int, *, reset: bool = False,
    enable: Value | None = None,
) -> Value:
    """``value`` of ``cycles`` cycles ago, of those that are enabled.

    With ``reset`` it is 0 until then, not just anything.
    """
    for stage in range(1, cycles + 1):
        after = Signal(value.shape(), name=f"{name}_{stage}", reset_less=not reset)
        with m.If(1 if enable is None else enable):
            m.d.sync += after.eq(value)
        value = after
    return value

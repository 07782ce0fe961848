"""What all engines have in common: their streams, and the wait of rows for their weights."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Member, Out

from ..unit import Unit
from .result_drain import ResultDrain
from .weight_control import WeightControl, WeightControlParameters

__all__ = ["engine_members", "weight_control"]


def engine_members(p: Any, results: data.Layout, **more: Member) -> dict[str, Member]:
    """Return the streams of an engine.

    Parameters
    ----------
    p
        Parameters of the engine, with ``step_layout``, ``c_layout``, ``c_input`` and
        ``back_pressure``.
    results
        Payload of ``o``. Without ``back_pressure`` it is always ready.
    more
        Members of its own.

    Returns
    -------
    dict
        ``i`` for the operands, ``c`` where there is a C input, ``o`` for the results, and ``more``.
    """
    c = {"c": In(stream.Signature(p.c_layout))} if p.c_input else {}
    return {
        "i": In(stream.Signature(p.step_layout)),
        **more,
        **c,
        "o": Out(stream.Signature(results, always_ready=not p.back_pressure)),
    }


def weight_control(
    m: Module, engine: Unit, drain: ResultDrain, transfers: int, released: Value | None = None
) -> WeightControl:
    """Add what lets rows in from ``engine.i`` and weights from ``engine.w``.

    Parameters
    ----------
    transfers
        Of the weights of a tile.
    released
        Weights may follow in this cycle; by default when the first row of their tile goes in.
    """
    m.submodules.control = control = WeightControl(WeightControlParameters(transfers))
    m.d.comb += [
        control.advance.eq(drain.advance),
        control.row_valid.eq(engine.i.valid),
        control.row_last.eq(engine.i.payload.last),
        engine.i.ready.eq(control.row_ready),
        control.weight_valid.eq(engine.w.valid),
        engine.w.ready.eq(control.weight_ready),
        control.released.eq(control.swap if released is None else released),
    ]
    return control

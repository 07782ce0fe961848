"""Run-time choice among the formats of an operand: ports, hardware cases, legality."""

from __future__ import annotations

from collections.abc import Iterator

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from .types import NumberFormat, OperandFormats, TypeKind

__all__ = ["drive_illegal", "is_built", "select_ports", "selected_formats"]


def select_ports(formats: OperandFormats) -> dict[str, wiring.Member]:
    """The select ports that ``formats`` need.

    ``kind`` (:class:`TypeKind`) where there are several kinds, ``is_signed`` (1 bit) where there
    are both signednesses; none for a single format.
    """
    ports: dict[str, wiring.Member] = {}
    if formats.select_kind:
        ports["kind"] = In(TypeKind)
    if formats.select_signed:
        ports["is_signed"] = In(1)
    return ports


def selected_formats(
    m: Module, unit: wiring.Component, formats: OperandFormats
) -> Iterator[NumberFormat]:
    """Yield each format inside the ``Case`` of the run-time select that means it.

    Statements that the loop body adds to ``m`` apply while that format is selected; where none is,
    combinational signals keep their initial value. ``unit`` has the ports of
    :func:`select_ports`. The loop must run to its end.
    """
    if len(formats.formats) == 1:
        yield formats.formats[0]
        return
    ports = [getattr(unit, name) for name in ("is_signed", "kind") if hasattr(unit, name)]
    with m.Switch(Cat(ports)):
        for number_format in formats.formats:
            with m.Case(_pattern(formats, number_format)):
                yield number_format


def _pattern(formats: OperandFormats, number_format: NumberFormat) -> str:
    kind = f"{number_format.kind.value:02b}" if formats.select_kind else ""
    return kind + (f"{int(number_format.signed)}" if formats.select_signed else "")


def is_built(formats: OperandFormats, kind: Value, is_signed: Value | None = None) -> Value:
    """Whether a select names one of ``formats``.

    Parameters
    ----------
    formats
        The formats that the hardware was built for.
    kind
        A :class:`TypeKind` as it comes from outside (a select port may not exist for it).
    is_signed
        1 bit; None where the signedness does not come from outside.
    """
    select = Value.cast(kind) if is_signed is None else Cat(is_signed, kind)
    return select.matches(
        *(
            f"{each.kind.value:02b}" + ("" if is_signed is None else f"{int(each.signed)}")
            for each in formats.formats
        )
    )


def drive_illegal(m: Module, unit: wiring.Component, formats: OperandFormats) -> None:
    """Drive ``unit.illegal``, where there is one, while its select names no built format."""
    if len(formats.formats) == 1:
        return
    kind = getattr(unit, "kind", formats.kinds[0])
    is_signed = getattr(unit, "is_signed", None)
    m.d.comb += unit.illegal.eq(~is_built(formats, kind, is_signed))

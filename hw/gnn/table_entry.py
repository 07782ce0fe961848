"""Entries of tables as an engine keeps them: what is reserved is not kept."""

from __future__ import annotations

from amaranth.hdl import Cat, Value
from amaranth.lib import data

from .instruction import SLOT
from .records import TENSOR

__all__ = ["SLOT_ENTRY", "TENSOR_ENTRY", "kept"]

_RESERVED = "reserved"


def _entry(layout: data.StructLayout) -> data.StructLayout:
    return data.StructLayout({name: field.shape for name, field in layout if name != _RESERVED})


SLOT_ENTRY = _entry(SLOT)
TENSOR_ENTRY = _entry(TENSOR)


def kept(layout: data.StructLayout, word: Value) -> Value:
    """Return the entry of a word that has the layout of memory."""
    fields = data.View(layout, word)
    return Cat(fields[name] for name, _ in layout if name != _RESERVED)

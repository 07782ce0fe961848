"""The border of an operand: skew of the codes, and a decoder for each lane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .datapath import Datapath
from .select import select_ports
from .types import OperandFormats

__all__ = ["LaneGroup", "LaneGroupParameters", "OperandBorder", "OperandBorderParameters", "Side"]

Side = Literal["activation", "weight"]


@dataclass(frozen=True)
class LaneGroupParameters:
    """Which operand of which datapath the ``lanes`` of a group decode."""

    datapath: Datapath
    side: Side
    lanes: int

    @property
    def formats(self) -> OperandFormats:
        """The formats of the operand."""
        formats: OperandFormats = getattr(self.datapath, self.side)
        return formats

    @property
    def word(self) -> data.StructLayout:
        """The word that travels."""
        word: data.StructLayout = getattr(self.datapath, f"{self.side}_word")
        return word


class LaneGroup(Unit):
    """From the codes of neighbouring lanes to the words that travel; combinational.

    Members
    -------
    codes : In
        Codes of the operand.
    kind, is_signed : In
        Run-time type select, where there is a choice.
    words : Out
        Words of the datapath.
    """

    def __init__(self, p: LaneGroupParameters) -> None:
        super().__init__(
            p,
            {
                "codes": In(p.formats.bits * p.lanes),
                **select_ports(p.formats),
                "words": Out(p.word.size * p.lanes),
            },
        )

    def body(self) -> Module:
        m = Module()
        select = {name: Value.cast(getattr(self, name)) for name in select_ports(self.p.formats)}
        decode = getattr(self.p.datapath, f"decode_{self.p.side}")
        for lane in range(self.p.lanes):
            code = self.codes.word_select(lane, self.p.formats.bits)
            word = self.words.word_select(lane, self.p.word.size)
            m.d.comb += word.eq(decode(m, code, select))
        return m


@dataclass(frozen=True)
class OperandBorderParameters:
    """``lanes`` decoders; groups of ``share`` lanes are one cycle later than the group before."""

    datapath: Datapath
    side: Side
    lanes: int
    share: int

    def group(self, lanes: int) -> LaneGroupParameters:
        """Return the parameters of a group of ``lanes`` lanes."""
        return LaneGroupParameters(self.datapath, self.side, lanes)


class OperandBorder(Unit):
    """Delay lane group ``i`` by ``i`` cycles and decode it with the type of its own beat.

    The type travels along the border with the beat, so that it may change with every beat. A cycle
    without a beat gives the word of number 0 in every lane.

    Members
    -------
    valid : In(1)
        A beat is there.
    codes : In
        The codes of the beat, one for each lane.
    kind, is_signed : In
        Type of the beat, where there is a choice.
    words : Out
        Words of all lanes; group ``i`` belongs to the beat of ``i`` cycles ago.
    """

    def __init__(self, p: OperandBorderParameters) -> None:
        group = p.group(p.lanes)
        super().__init__(
            p,
            {
                "valid": In(1),
                "codes": In(group.formats.bits * p.lanes),
                **select_ports(group.formats),
                "words": Out(group.word.size * p.lanes),
            },
        )

    def body(self) -> Module:
        m = Module()
        lanes, share = self.p.lanes, self.p.share
        bits, word_bits = self.p.group(1).formats.bits, self.p.group(1).word.size
        # Code 0 is the number 0 in every type.
        codes: Value = Mux(self.valid, self.codes, 0)
        select = {
            name: Value.cast(getattr(self, name)) for name in select_ports(self.p.group(1).formats)
        }
        for index, first in enumerate(range(0, lanes, share)):
            if index:
                late = Signal(len(codes), name=f"codes_{index}", reset_less=True)
                m.d.sync += late.eq(codes)
                codes = late
                for name, value in select.items():
                    late = Signal(value.shape(), name=f"{name}_{index}", reset_less=True)
                    m.d.sync += late.eq(value)
                    select[name] = late
            count = min(share, lanes - first)
            group = LaneGroup(self.p.group(count))
            m.submodules[f"group_{index}"] = group
            words = slice(first * word_bits, (first + count) * word_bits)
            m.d.comb += [
                group.codes.eq(codes[: count * bits]),
                self.words[words].eq(group.words),
            ]
            for name, value in select.items():
                m.d.comb += getattr(group, name).eq(value)
            codes = codes[count * bits :]
        return m

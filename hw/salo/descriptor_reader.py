"""Descriptor reader: the next tile's words, lists and masks, while a tile is at work."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, enum
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .descriptor import (
    BLOCK,
    GATHER,
    HEADER_WORDS,
    RIDER,
    SEGMENT,
    GatherMode,
    RiderMask,
    SegmentKind,
    SegmentMask,
)
from .engine_parameters import SaloEngineParameters
from .program_store import program_places

__all__ = ["DescriptorReader"]


class _Kind(enum.Enum, shape=3):
    """What was read."""

    NOTHING = 0
    WORD = 1
    QUERY = 2
    KEY = 3
    MASK = 4
    RIDER_MASK = 5


@dataclass(frozen=True)
class _Part:
    """A list or mask of a tile.

    Attributes
    ----------
    kind
        What it is.
    wanted
        Whether there is one.
    count
        Its entries, or words.
    base
        Place of its first entry; or address of its first word.
    place
        Where that one goes: in the table of entries; or among the words of masks of this kind.
    """

    kind: _Kind
    wanted: Value
    count: Value | int
    base: Value
    place: int


class DescriptorReader(Unit):
    """Read descriptors one after another, with what they point to.

    Members
    -------
    places : In(program_places)
        Of the program; steady.
    start : In(1)
        Read the first tile.
    ready : Out(1)
        A tile is there, and stays until
    take : In(1)
        it becomes the current one, and the next one is read. Only if ``ready``.
    last_tile, ended : Out(1)
        The tile that is ready is the last one; there is no other tile.
    next_words, words : Out(descriptor_words of 64 bits)
        Of the tile that is ready, and of the current one.
    masks, rider_masks : Out
        Mask bits of the current tile: of elements for each segment, of columns for each rider.
    address : Out(range(program_words)), word : In(64)
        To the program; a word comes a cycle after its address.
    query_write, key_write : Out(1), place : Out(range), entry : Out(32)
        An entry of the next tile's lists of queries, or of keys: segments, then gather columns.

    Notes
    -----
    Cycles from ``take`` to ``ready``: at most ``p.decode_cycles``; a cycle for each word, for each
    entry, and for each part that has no list or mask.
    """

    p: SaloEngineParameters

    def __init__(self, p: SaloEngineParameters) -> None:
        a = p.array
        layout = data.ArrayLayout
        words = layout(64, p.descriptor_words)
        entries = a.rows * max(1, a.gather) + a.cols
        super().__init__(p, {
            "places": In(program_places(p)), "start": In(1), "ready": Out(1), "take": In(1),
            "last_tile": Out(1), "ended": Out(1, init=1),
            "next_words": Out(words), "words": Out(words),
            "masks": Out(layout(a.rows * a.segment_cols, a.segments)),
            **({"rider_masks": Out(layout(a.cols, a.global_rows))} if a.global_rows else {}),
            "address": Out(range(p.program_words)), "word": In(64),
            "query_write": Out(1), "key_write": Out(1), "place": Out(range(entries)),
            "entry": Out(32),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        count = p.descriptor_words
        pointer = Signal(range(p.program_words))
        left = Signal(range(p.program_words))
        step = Signal(range(max(count, len(self._parts()))))
        item = Signal(8)
        # What the word is that comes next, and for what.
        kind = Signal(_Kind)
        place = Signal(12)
        half = Signal()
        m.d.sync += kind.eq(_Kind.NOTHING)
        with m.FSM(name="reading"):
            with m.State("idle"), m.If(self.start & self.places.tiles.any()):
                m.d.sync += [
                    pointer.eq(HEADER_WORDS), left.eq(self.places.tiles), step.eq(0),
                    self.ended.eq(0),
                ]  # fmt: skip
                m.next = "words"
            with m.State("words"):
                m.d.comb += self.address.eq(pointer)
                m.d.sync += [
                    pointer.eq(pointer + 1), step.eq(step + 1), kind.eq(_Kind.WORD),
                    place.eq(step),
                ]  # fmt: skip
                with m.If(step == count - 1):
                    m.d.sync += [step.eq(0), item.eq(0)]
                    m.next = "parts"
            with m.State("parts"):
                self._read_part(m, step, item, kind, place, half)
            with m.State("last word"):
                m.next = "ready"
            with m.State("ready"):
                m.d.comb += self.ready.eq(1)
                with m.If(self.take):
                    m.d.sync += [left.eq(left - 1), step.eq(0)]
                    with m.If(self.last_tile):
                        m.d.sync += self.ended.eq(1)
                        m.next = "idle"
                    with m.Else():
                        m.next = "words"
        m.d.comb += self.last_tile.eq(left == 1)
        self._receive(m, kind, place, half)
        return m

    def _parts(self) -> list[_Part]:
        p = self.p
        a = p.array
        words = iter(self.next_words)
        block = data.View(BLOCK, next(words))
        gathers = [data.View(GATHER, next(words)) for _ in range(a.gather)]
        segments = [data.View(SEGMENT, next(words)) for _ in range(a.segments)]
        riders = [data.View(RIDER, next(words)) for _ in range(a.global_rows)]
        element, rider = p.element_mask_words, p.rider_mask_words
        return [
            _Part(_Kind.QUERY, block.listed, a.rows, block.base, 0),
            *(
                _Part(_Kind.KEY, word.mode == GatherMode.LISTED, a.rows, word.base,
                      a.cols + x * a.rows)
                for x, word in enumerate(gathers)
            ),
            *(
                _Part(_Kind.KEY, word.kind == SegmentKind.CIRCULANT, word.step[:8], word.base,
                      s * a.segment_cols)
                for s, word in enumerate(segments)
            ),
            *(
                _Part(_Kind.MASK, word.mask == SegmentMask.EXPLICIT, element,
                      self.places.masks + word.number * element, s * element)
                for s, word in enumerate(segments)
            ),
            *(
                _Part(_Kind.RIDER_MASK, word.mask == RiderMask.EXPLICIT, rider,
                      self.places.rider_masks + word.number * rider, g * rider)
                for g, word in enumerate(riders)
            ),
        ]  # fmt: skip

    def _read_part(
        self, m: Module, step: Signal, item: Signal, kind: Signal, place: Signal, half: Signal
    ) -> None:
        """Read the next word of part ``step``, or go on to the next part if there is none."""
        parts = self._parts()
        done = Signal(name="part_done")
        with m.Switch(step):
            for number, part in enumerate(parts):
                with m.Case(number):
                    m.d.sync += [
                        kind.eq(Mux(part.wanted, part.kind, _Kind.NOTHING)),
                        place.eq(part.place + item),
                    ]
                    m.d.comb += done.eq(~part.wanted | (item + 1 >= part.count))
                    if part.kind in (_Kind.MASK, _Kind.RIDER_MASK):
                        m.d.comb += self.address.eq(part.base + item)
                    else:
                        entry = Signal(24, name=f"entry_{number}")
                        m.d.comb += [
                            entry.eq(part.base + item),
                            self.address.eq(self.places.lists + entry[1:]),
                        ]
                        m.d.sync += half.eq(entry[0])
        m.d.sync += item.eq(item + 1)
        with m.If(done):
            m.d.sync += [step.eq(step + 1), item.eq(0)]
            with m.If(step == len(parts) - 1):
                m.next = "last word"

    def _receive(self, m: Module, kind: Value, place: Value, half: Value) -> None:
        """Put the word that was read where it belongs."""
        p = self.p
        a = p.array
        m.d.comb += [
            self.query_write.eq(kind == _Kind.QUERY), self.key_write.eq(kind == _Kind.KEY),
            self.place.eq(place), self.entry.eq(Mux(half, self.word[32:], self.word[:32])),
        ]  # fmt: skip
        with m.If(kind == _Kind.WORD):
            m.d.sync += self.next_words[place].eq(self.word)
        with m.If(self.take):
            m.d.sync += self.words.eq(self.next_words)
        targets = [(_Kind.MASK, a.segments, p.element_mask_words, "masks")]
        if a.global_rows:
            targets.append((_Kind.RIDER_MASK, a.global_rows, p.rider_mask_words, "rider_masks"))
        for wanted, count, size, name in targets:
            bits = Signal(data.ArrayLayout(64, count * size), name=f"next_{name}")
            with m.If(kind == wanted):
                m.d.sync += bits[place].eq(self.word)
            with m.If(self.take):
                for index in range(count):
                    mine = bits.as_value()[index * size * 64 : (index + 1) * size * 64]
                    m.d.sync += getattr(self, name)[index].eq(mine)

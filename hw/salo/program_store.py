"""Program store: a program comes in, its header is compared with the machine, and it is kept."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, enum, memory, stream
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .descriptor import HEADER_WORDS
from .engine_parameters import SaloEngineParameters

__all__ = ["Fault", "ProgramStore", "program_places"]


class Fault(enum.Enum, shape=3):
    """Why a program does not run."""

    NONE = 0
    NO_PROGRAM = 1
    """Magic, version or length of the header."""
    ARRAY = 2
    """For an array of another shape."""
    FORMAT = 3
    """For other formats of numbers."""
    SHIFT = 4
    """f is not one of those that there are."""
    HEAD = 5
    """``dk`` or ``dv`` too large, or so small that lanes are not loaded in time."""
    TOKENS = 6
    """More queries or keys than fit."""
    LENGTH = 7
    """The program is too long, or not as long as its header tells."""


def program_places(p: SaloEngineParameters) -> data.StructLayout:
    """What a header tells: sizes, and where in the program the parts begin."""
    address = range(p.program_words)
    return data.StructLayout({
        "tiles": range(p.program_words), "lists": address, "masks": address,
        "rider_masks": address, "dk": range(p.array.datapath.dk_max + 1),
        "dv": range(p.dv_max + 1), "shift": p.array.datapath.shift_bits, "queries": 17, "keys": 17,
    })  # fmt: skip


class ProgramStore(Unit):
    """Take a program, word by word, and tell what it holds.

    Members
    -------
    i : In(stream of {word, last})
        The program; ``last`` with its last word.
    open : In(1)
        Programs may come; else they have to wait.
    places : Out(program_places)
        Of the program that is in.
    loaded : Out(1)
        There is a program, with nothing wrong.
    fault : Out(Fault)
        The first thing that was wrong; stays until another program begins to come.
    address : In(range(program_words)), word : Out(64)
        A word, a cycle after its address.

    Notes
    -----
    The checksum is the loader's to check. A tile takes ``dk + dv + 2`` cycles, in which its lanes
    are loaded: both must be ``p.loads`` at least, dk at least 2, and the tile as long as the array
    has columns and riders, since what a column does is held for one tile.
    """

    p: SaloEngineParameters

    def __init__(self, p: SaloEngineParameters) -> None:
        super().__init__(p, {
            "i": In(stream.Signature(data.StructLayout({"word": 64, "last": 1}))), "open": In(1),
            "places": Out(program_places(p)), "loaded": Out(1), "fault": Out(Fault),
            "address": In(range(p.program_words)), "word": Out(64),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.words = words = memory.Memory(shape=64, depth=p.program_words, init=[])
        write, read = words.write_port(), words.read_port()
        word, last = self.i.payload.word, self.i.payload.last
        number = Signal(range(p.program_words + 1))
        beat = Signal()
        ended = Signal()
        m.d.comb += [
            self.i.ready.eq(self.open & ~ended), beat.eq(self.i.valid & self.i.ready),
            write.addr.eq(number), write.data.eq(word),
            write.en.eq(beat & (number < p.program_words)),
            read.addr.eq(self.address), self.word.eq(read.data),
            # Never beside a write, so that no bypass is made for a word that is both.
            read.en.eq(~self.open),
        ]
        found = Signal(Fault)
        with m.If(beat):
            m.d.sync += number.eq(Mux(last, 0, number + (number < p.program_words)))
            with m.If(number == 0):
                m.d.sync += [self.fault.eq(found), self.loaded.eq(0)]
            with m.Elif(self.fault == Fault.NONE):
                m.d.sync += self.fault.eq(found)
            with m.If(last):
                m.d.sync += ended.eq(1)
        end = self._header(m, word, beat, number, found)
        length = Signal(range(p.program_words + 2))
        with m.If(beat & last):
            m.d.sync += length.eq(number + 1)
        with m.If(ended):
            m.d.sync += ended.eq(0)
            with m.If(self.fault == Fault.NONE):
                good = length == end
                m.d.sync += [self.loaded.eq(good), self.fault.eq(Mux(good, 0, Fault.LENGTH))]
        return m

    def _header(
        self, m: Module, word: Value, beat: Value, number: Value, found: Value
    ) -> Value:
        """Compare and take the words of the header; return how many words there must be."""
        p, places = self.p, self.places
        a, formats = p.array, p.array.datapath
        low, high = word[:32], word[32:]
        most = range(p.program_words)
        masks, rider_masks = (
            Signal(most, name=name, reset_less=True) for name in ("masks", "rider_masks")
        )
        entries = Signal(range(2 * p.program_words), reset_less=True)

        def check(fault: Fault, good: Value) -> None:
            # Of several the last one counts: a field that others give their meaning comes first.
            with m.If(~good):
                m.d.comb += found.eq(fault)

        with m.Switch(number):
            with m.Case(0):
                magic = int.from_bytes(b"SALO", "little")
                check(Fault.NO_PROGRAM, word == magic | 1 << 32 | 8 * HEADER_WORDS << 48)
            with m.Case(1):
                check(Fault.LENGTH, high < p.program_words)
                m.d.sync += places.tiles.eq(Mux(beat, high, places.tiles))
            with m.Case(2):
                shape = (a.rows, a.cols, a.segments, a.gather, a.global_rows)
                check(Fault.FORMAT, word[48:] == _octets(formats.q_bits, formats.kv_bits))
                check(Fault.ARRAY, word[:40] == _octets(*shape))
                if a.global_rows:
                    check(Fault.ARRAY, word[40:48] == int(a.private))
            with m.Case(3):
                shift = word[48:56]
                least, most = formats.shift_least, formats.shift_most
                check(Fault.SHIFT, (shift >= least) & (shift <= most))
                check(Fault.FORMAT, word[:48] == _octets(
                    formats.mantissa_bits, formats.fraction_bits, formats.guard_bits,
                    formats.exp_bits, p.out_fraction_bits, len(formats.lines.slopes),
                ))  # fmt: skip
                m.d.sync += places.shift.eq(Mux(beat, shift - least, places.shift))
            with m.Case(4):
                check(Fault.HEAD, (
                    (low >= max(2, p.loads)) & (high >= p.loads) & (low <= formats.dk_max)
                    & (high <= p.dv_max) & (low + high + 2 >= a.cols + max(a.gather, a.global_rows))
                ))  # fmt: skip
                with m.If(beat):
                    m.d.sync += [places.dk.eq(low), places.dv.eq(high)]
            with m.Case(5):
                check(Fault.TOKENS, (low <= p.max_tokens) & (high <= p.max_tokens))
                with m.If(beat):
                    m.d.sync += [places.queries.eq(low), places.keys.eq(high)]
            with m.Case(6):
                check(Fault.LENGTH, (low < 2 * p.program_words) & (high < p.program_words))
                with m.If(beat):
                    m.d.sync += [entries.eq(low), masks.eq(high)]
            with m.Case(7):
                check(Fault.LENGTH, low < p.program_words)
                m.d.sync += rider_masks.eq(Mux(beat, low, rider_masks))
            with m.Default():
                check(Fault.LENGTH, number < p.program_words)
        places_of = [Signal(48, name=name) for name in ("lists", "masks", "rider_masks", "end")]
        lists_at, masks_at, rider_masks_at, end = places_of
        m.d.comb += [
            lists_at.eq(HEADER_WORDS + places.tiles * p.descriptor_words),
            masks_at.eq(lists_at + ((entries + 1) >> 1)),
            rider_masks_at.eq(masks_at + masks * p.element_mask_words),
            end.eq(rider_masks_at + rider_masks * p.rider_mask_words),
        ]
        m.d.sync += [
            places.lists.eq(lists_at), places.masks.eq(masks_at),
            places.rider_masks.eq(rider_masks_at),
        ]
        return end


def _octets(*values: int) -> int:
    return int.from_bytes(bytes(values), "little")

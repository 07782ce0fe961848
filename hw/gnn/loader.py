"""Loader: passes one after another, each with its sections in the engine's memories."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Elaboratable, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..fabric.memory import BlockMemory
from ..unit import Unit
from .faults import Fault, fault, raise_fault
from .instruction import SLOTS
from .jobs import table_write
from .parameters import GnnParameters
from .records import BLOCK_SHIFT, NO_CODE, PASS_BYTES, SECTION, SECTIONS, TENSORS, Section
from .tasks import CONTROL_REQUEST, SETTINGS, loaded

__all__ = ["Loader", "section_bytes"]

_RECORD = SECTIONS
"""What is read in place of a section: the record of the pass."""
_FIELDS = SETTINGS.size // 32
"""32-bit words of a record before the reserved ones."""


def section_bytes(p: GnnParameters) -> dict[Section, int]:
    """Return the most bytes of each section."""
    return {
        Section.CODE: 8 * p.instructions, Section.SLOTS: 8 * SLOTS, Section.CONSTANTS: 4 * 16,
        Section.TENSORS: 8 * TENSORS, Section.WEIGHTS: p.columns * p.weight_words,
        Section.BIAS: 4 * p.columns * p.bias_words, Section.TABLES: 256 * p.tables,
        Section.EXPONENTIALS: 2 * 256,
    }  # fmt: skip


class Loader(Unit):
    """Load a pass, let the dispatcher run it, wait until all is written, and go on.

    Members
    -------
    clear : In(1)
        Forget everything; what was loaded counts no more.
    start : In(1), image : In(40), pass_block : In(32), passes : In(32)
        Begin, for one cycle; where the image is, and the table of passes in it; how many.
    requests : Out(stream of CONTROL_REQUEST), beats : In(stream of 8 * bus_bytes)
        Reading.
    settings : Out(SETTINGS), counts : Out(loaded), step : Out(extent_bits)
        Of the pass; words of the accumulator memory of a chunk, at most 2^address_bits: then the
        second chunk is beyond the memory, and so refused.
    code, slots, constants, tensors, weights, bias, tables, exponentials : Out(table_write)
        Sections.
    run : Out(1), running : In(1), settled : In(1)
        The pass begins; it has tasks; all writes were acknowledged.
    pass_done, done : Out(1)
        A pass, and all passes, have ended, for one cycle.
    fault : Out(fault())
        A record or a section is wrong.

    Notes
    -----
    Cycles: 32 for a record; a word of the weight memory, or 32 bits of any other section, each.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        wide, narrow = Out(table_write(64)), Out(table_write(32))
        super().__init__(p, {
            "clear": In(1), "start": In(1), "image": In(40), "pass_block": In(32),
            "passes": In(32), "requests": Out(stream.Signature(CONTROL_REQUEST)),
            "beats": In(stream.Signature(8 * p.bus_bytes)), "settings": Out(SETTINGS),
            "counts": Out(loaded(p)), "step": Out(p.extent_bits), "code": wide, "slots": wide,
            "constants": narrow, "tensors": wide, "weights": Out(table_write(8 * p.columns)),
            "bias": narrow, "tables": narrow, "exponentials": narrow, "run": Out(1),
            "running": In(1), "settled": In(1), "pass_done": Out(1), "done": Out(1),
            "fault": Out(fault()),
        })  # fmt: skip

    def body(self) -> Elaboratable:
        m = Module()
        left = Signal(32)
        record = Signal(40)
        item = Signal(range(_RECORD + 1))
        address = Signal(40)
        # A section that is longer is refused before it is asked for.
        sizes = section_bytes(self.p)
        longest = 1 << self.p.row_beats.bit_length() - 1
        beats = Signal(range(-(-max(PASS_BYTES, *sizes.values()) // self.p.bus_bytes) + 1))
        pieces = Signal(range(_most_pieces(self.p) + 1))
        m.submodules.sections = sections = BlockMemory(shape=SECTION.size, depth=SECTIONS)
        read = sections.read_port()
        section = data.View(SECTION, read.data)
        m.d.comb += read.addr.eq(item)
        size = Array([*sizes.values(), 0])[item]
        loose = section.bytes & Array([*_whole_words(self.p).values(), 0])[item]
        unfit = Signal()
        m.d.sync += unfit.eq((section.bytes > size) | loose.any())
        # Long steady when it counts.
        unsound = Signal()
        m.d.sync += unsound.eq(self._is_unsound())
        bad = Signal()
        code = Signal(Fault)
        m.d.sync += raise_fault(self.fault, bad, code)
        finished = self._receive(m, item, pieces, sections)
        request = self.requests.payload
        bus = ceil_log2(self.p.bus_bytes)
        step = Signal(3)
        m.d.comb += request.address.eq(address)
        m.d.comb += request.beats.eq(Mux(beats > longest, longest, beats))
        with m.FSM(name="loading"):
            with m.State("idle"):
                m.d.sync += [
                    left.eq(self.passes),
                    record.eq(self.image + (self.pass_block << BLOCK_SHIFT)),
                ]
                with m.If(self.start):
                    m.next = "next pass"
            with m.State("next pass"):
                m.d.sync += [
                    item.eq(_RECORD), address.eq(record), beats.eq(PASS_BYTES >> bus),
                    pieces.eq(PASS_BYTES // 4), record.eq(record + PASS_BYTES),
                    left.eq(left - 1),
                ]
                m.next = "ask"
                with m.If(~left.any()):
                    m.d.comb += self.done.eq(1)
                    m.next = "idle"
            with m.State("ask"):
                m.d.comb += self.requests.valid.eq(1)
                with m.If(self.requests.ready):
                    m.d.sync += [
                        beats.eq(beats - request.beats), address.eq(address + (longest << bus)),
                    ]
                    with m.If(beats <= longest):
                        m.next = "receive"
            with m.State("receive"), m.If(finished):
                m.d.sync += [item.eq(item + 1), step.eq(0)]
                m.next = "look"
                with m.If(item == SECTIONS - 1):
                    m.next = "check"
                with m.If(item == _RECORD):
                    m.d.sync += item.eq(0)
            with m.State("look"):
                # A cycle to read the section, one to compare its length.
                m.d.sync += step.eq(step + 1)
                with m.If(step == 2):
                    shift = Mux(item == Section.WEIGHTS, ceil_log2(_piece(self.p)), 2)
                    m.d.sync += [
                        address.eq(self.image + (section.block << BLOCK_SHIFT)),
                        beats.eq((section.bytes + self.p.bus_bytes - 1) >> bus),
                        pieces.eq(section.bytes >> shift),
                    ]
                    m.next = "ask"
                    with m.If(unfit):
                        m.d.comb += [bad.eq(1), code.eq(Fault.SECTION)]
                        m.next = "stopped"
                    with m.Elif(~section.bytes.any()):
                        m.d.sync += [item.eq(item + 1), step.eq(0)]
                        m.next = "look"
                        with m.If(item == SECTIONS - 1):
                            m.next = "check"
            with m.State("check"):
                settings = self.settings
                m.next = "run"
                words = settings.chunk_rows * settings.accumulator_stride
                bits = self.p.address_bits
                m.d.sync += self.step.eq(Mux(words[bits:].any(), 1 << bits, words))
                with m.If(unsound):
                    m.d.comb += [bad.eq(1), code.eq(Fault.RECORD)]
                    m.next = "stopped"
            with m.State("run"):
                m.d.comb += self.run.eq(1)
                m.next = "begin"
            with m.State("begin"):
                m.next = "running"
            with m.State("running"), m.If(~self.running & self.settled):
                m.d.comb += self.pass_done.eq(1)
                m.next = "next pass"
            with m.State("stopped"):
                pass
        self._count(m, item, section, finished)
        return ResetInserter(self.clear)(m)

    def _is_unsound(self) -> Value:
        """Whether the pass has a setting that it cannot have."""
        settings = self.settings
        code = Cat((pc >= self.counts.code) & (pc != NO_CODE) for pc in settings.pc)
        halves = (settings.halves == 0) | (settings.halves > 2)
        return ~settings.chunk_rows.any() | halves | code.any()

    def _count(self, m: Module, item: Value, section: data.View, finished: Value) -> None:
        counts = self.counts
        with m.If(finished):
            for which, count in (
                (Section.CODE, counts.code), (Section.SLOTS, counts.slots),
                (Section.TENSORS, counts.tensors),
            ):  # fmt: skip
                with m.If(item == which):
                    m.d.sync += count.eq(section.bytes >> 3)

    def _receive(
        self, m: Module, item: Value, pieces: Signal, sections: BlockMemory
    ) -> Value:
        """Take beats apart, and put words together; tell when the last piece is in place."""
        p = self.p
        piece = _piece(p)
        held = Signal(8 * p.bus_bytes, reset_less=True)
        there = Signal(range(p.bus_bytes // 4 + 1))
        weights = item == Section.WEIGHTS
        take = Signal()
        use = Signal()
        finished = Signal()
        in_beat = Mux(weights, p.bus_bytes // piece, p.bus_bytes // 4)
        m.d.comb += [
            use.eq(there.any()), finished.eq(use & (pieces == 1)),
            self.beats.ready.eq(there <= 1), take.eq(self.beats.valid & self.beats.ready),
        ]
        with m.If(use):
            m.d.sync += [
                pieces.eq(pieces - 1), there.eq(there - 1),
                held.eq(Mux(weights, held >> 8 * piece, held >> 32)),
            ]
        with m.If(finished):
            # The rest of the last beat is padding.
            m.d.sync += there.eq(0)
        with m.If(take):
            m.d.sync += [held.eq(self.beats.payload), there.eq(in_beat)]
        number = Signal(range(_most_pieces(p)))
        with m.If(use):
            m.d.sync += number.eq(Mux(finished, 0, number + 1))
        self._place(m, item, use, held, number, sections)
        return finished

    def _place(
        self, m: Module, item: Value, use: Value, held: Value, number: Value, sections: BlockMemory
    ) -> None:
        """Write a piece of a section, or of the record, where it belongs."""
        p = self.p
        word = held[:32]
        low = Signal(32, reset_less=True)
        with m.If(use):
            m.d.sync += low.eq(word)
        # From registers: the memories lie far apart.
        for section, port in (
            (Section.CODE, self.code), (Section.SLOTS, self.slots),
            (Section.TENSORS, self.tensors),
        ):  # fmt: skip
            m.d.sync += [
                port.enable.eq(use & (item == section) & number[0]), port.data.eq(Cat(low, word)),
                port.address.eq(number >> 1),
            ]
        for section, port in (
            (Section.CONSTANTS, self.constants), (Section.BIAS, self.bias),
            (Section.TABLES, self.tables), (Section.EXPONENTIALS, self.exponentials),
        ):  # fmt: skip
            m.d.sync += [
                port.enable.eq(use & (item == section)), port.data.eq(word),
                port.address.eq(number),
            ]
        piece = _piece(p)
        in_word = p.columns // piece
        parts = Signal(8 * p.columns, reset_less=True)
        row = Cat(parts, held[: 8 * piece])[8 * piece :]
        with m.If(use):
            m.d.sync += parts.eq(row)
        m.d.sync += [
            self.weights.data.eq(row), self.weights.address.eq(number >> ceil_log2(in_word)),
            self.weights.enable.eq(
                use & (item == Section.WEIGHTS)
                & (number[: ceil_log2(in_word)] == in_word - 1)
            ),
        ]  # fmt: skip
        record = use & (item == _RECORD)
        settings = self.settings.as_value()
        writes = Signal(_FIELDS)
        field = Signal(32, reset_less=True)
        m.d.sync += [writes.eq(record << number[:6]), field.eq(word)]
        for place in range(_FIELDS):
            with m.If(writes[place]):
                m.d.sync += settings[32 * place : 32 * place + 32].eq(field)
        write = sections.write_port()
        first = PASS_BYTES // 4 - 2 * SECTIONS
        m.d.comb += [
            write.en.eq(record & (number >= first) & number[0]), write.data.eq(Cat(low, word)),
            write.addr.eq(number[1:]),
        ]


def _whole_words(p: GnnParameters) -> dict[Section, int]:
    """Return the bits that the length of each section must not have: it is of whole words."""
    words = dict.fromkeys(Section, 4)
    words |= dict.fromkeys((Section.CODE, Section.SLOTS, Section.TENSORS), 8)
    words[Section.WEIGHTS] = p.columns
    return {section: size - 1 for section, size in words.items()}


def _piece(p: GnnParameters) -> int:
    """Return the bytes of the weights that are taken in a cycle."""
    return min(p.columns, p.bus_bytes)


def _most_pieces(p: GnnParameters) -> int:
    """Return the most pieces of a section or of the record."""
    pieces = {section: size // 4 for section, size in section_bytes(p).items()}
    pieces[Section.WEIGHTS] = p.columns * p.weight_words // _piece(p)
    return max(PASS_BYTES // 4, *pieces.values())

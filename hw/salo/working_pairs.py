"""Working pairs: which elements of a tile count."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .descriptor import RIDER, SEGMENT, RiderMask, SegmentKind, SegmentMask
from .engine_parameters import SaloEngineParameters

__all__ = ["WorkingPairs"]


class WorkingPairs(Unit):
    """``allowed`` of the array, for the tile whose words and masks there are.

    An element works if its row has a query, its lane a token, and if the mask has nothing against
    it.

    Members
    -------
    words, masks, rider_masks : In
        As :class:`~.descriptor_reader.DescriptorReader` has them.
    queries : In(query slots), present : In(key slots)
        Whether there are such.
    settle : In(1)
        Take what is here; the outputs stay until the next time.
    allowed, rider_allowed : Out
        As the array takes them, though of all columns at once: a tile is long enough.
    wrap : Out(1)
        There is no band in the tile. Only with a torus.
    """

    p: SaloEngineParameters

    def __init__(self, p: SaloEngineParameters) -> None:
        a = p.array
        layout = data.ArrayLayout
        riders = layout(a.cols, a.global_rows)
        super().__init__(p, {
            "words": In(layout(64, p.descriptor_words)),
            "masks": In(layout(a.rows * a.segment_cols, a.segments)),
            "queries": In(len(p.query_slots)), "present": In(len(p.key_slots)), "settle": In(1),
            "allowed": Out(layout(a.cols + a.gather, a.rows)),
            **({"rider_masks": In(riders), "rider_allowed": Out(riders)} if a.global_rows else {}),
            **({"wrap": Out(1)} if a.torus else {}),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        a = p.array
        words = list(self.words)[1 + a.gather :]
        segments = [data.View(SEGMENT, word) for word in words[: a.segments]]
        riders = [data.View(RIDER, word) for word in words[a.segments :]]
        held = []
        for s, word in enumerate(segments):
            # Columns that the mask leaves, or all of them.
            columns = Signal(a.segment_cols, name=f"columns_{s}")
            explicit = Signal(name=f"explicit_{s}")
            m.d.comb += explicit.eq(word.mask == SegmentMask.EXPLICIT)
            for j in range(a.segment_cols):
                m.d.comb += columns[j].eq(
                    (word.mask != SegmentMask.COLUMNS) | _between(j, word.low, word.high)
                )
                for i in range(a.rows):
                    mask = self.masks[s][i * a.segment_cols + j]
                    works = self.queries[i] & self._token(i, s, j) & columns[j]
                    held.append((
                        self.allowed[i][s * a.segment_cols + j], works & (mask | ~explicit)
                    ))  # fmt: skip
        gathered = a.segments * a.ports
        for i in range(a.rows):
            for x in range(a.gather):
                present = self.present[gathered + i * a.gather + x]
                held.append((self.allowed[i][a.cols + x], self.queries[i] & present))
        private = gathered + a.rows * a.gather
        for g, word in enumerate(riders):
            for c in range(a.cols):
                s, j = divmod(c, a.segment_cols)
                if a.private:
                    token = self.present[private + g * a.cols + c]
                else:
                    token = self._token(a.rows - 1, s, j)
                works = Signal(name=f"rider_{g}_{c}")
                with m.Switch(word.mask):
                    with m.Case(RiderMask.ALL):
                        m.d.comb += works.eq(1)
                    with m.Case(RiderMask.COLUMNS):
                        m.d.comb += works.eq(_between(c, word.low, word.high))
                    with m.Case(RiderMask.EXPLICIT):
                        m.d.comb += works.eq(self.rider_masks[g][c])
                held.append((self.rider_allowed[g][c], works & word.active & token))
        if a.torus:
            bands = [word.kind == SegmentKind.BAND for word in segments]
            held.append((self.wrap, ~Value.cast(sum(bands, Const(0))).any()))
        with m.If(self.settle):
            m.d.sync += [register.eq(value) for register, value in held]
        return m

    def _token(self, row: int, segment: int, column: int) -> Value:
        """Whether an element has a token."""
        a = self.p.array
        return self.present[segment * a.ports + row - column + a.segment_cols - 1]


def _between(place: int, low: Value, high: Value) -> Value:
    return (place >= low) & (place < high)

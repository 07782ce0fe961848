"""Normaliser: what blocks have summed up, divided by their weights, for rows that take turns."""

from __future__ import annotations

from dataclasses import dataclass, field

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out

from ..tpe.delay import delayed
from ..unit import Unit
from .reciprocal import Reciprocal, ReciprocalParameters
from .scaling import Scaling, ScalingParameters
from .stages import Stage
from .weighted_sum import WeightedSumParameters

__all__ = ["Normaliser", "NormaliserParameters"]


@dataclass(frozen=True, kw_only=True)
class NormaliserParameters:
    """Parameters of a normaliser.

    Parameters
    ----------
    sums
        The modules that sums come from.
    rows
        How many there are, at least 1.
    lanes
        Dividers and multipliers; must divide ``rows``.
    out_fraction_bits, output_bits
        Of results, 0 to ``output_bits - 2`` and 2 to 32.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    sums: WeightedSumParameters = field(default_factory=WeightedSumParameters)
    rows: int = 32
    lanes: int = 16
    out_fraction_bits: int = 8
    output_bits: int = 16

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise ValueError(f"rows must be at least 1, not {self.rows}")
        if self.lanes < 1 or self.rows % self.lanes:
            raise ValueError(f"lanes must divide rows = {self.rows}, not {self.lanes}")
        _ = self.scaling

    @property
    def turns(self) -> int:
        """Rows of a lane."""
        return self.rows // self.lanes

    @property
    def scaling(self) -> ScalingParameters:
        return ScalingParameters(
            self.sums.sum_bits, self.sums.total_bits, self.out_fraction_bits, self.output_bits
        )

    @property
    def reciprocal(self) -> ReciprocalParameters:
        return ReciprocalParameters(
            self.sums.total_bits, self.scaling.reciprocal_fraction_bits
        )

    @property
    def latency(self) -> int:
        """Cycles from the weights of a block to its first result, where nothing is at work."""
        return 1 + self.reciprocal.latency + 2 + self.scaling.latency

    def interval(self, dv: int) -> int:
        """Cycles from a block's weights to the next one's, at least."""
        turn = max(dv, self.reciprocal.latency)
        return max(self.turns * turn, (self.turns - 1) * turn + self.reciprocal.latency + 2)


class Normaliser(Unit):
    """``out = O / L`` of all rows, by :class:`~.reciprocal.Reciprocal` and :class:`~.Scaling`.

    Lanes work in step; in turn k, lane n does row ``k * lanes + n``. The reciprocal of a turn is
    made while the results of the turn before go out.

    Members
    -------
    stage : In(Stage), sums : In(rows of signed(sum_bits))
        What :class:`~.weighted_sum.WeightedSum` of each row gives at the end of a block.
    dv : In(range(dv_max + 1))
        Elements of a row, at least 1; steady while there is anything at work.
    valid : Out(1)
        There are results in all lanes, of
    turn : Out(range(turns)), element : Out(range(dv_max))
        which have a bit at least:
    out : Out(lanes of signed(output_bits)), saturated : Out(lanes)
        results, and whether they were beyond these bits.
    overrun : Out(1)
        Rises, and stays, if weights came before the last turn's reciprocals of the block before
        were done: blocks closer than ``p.interval(dv)``. Results are wrong then.

    Notes
    -----
    Cycles: the first result ``p.latency`` after the weights (stage SUM), then one in each cycle for
    as long as turns take ``dv >= p.reciprocal.latency`` cycles. A block's sums may be written while
    those of the block before are still read, since reading is ahead.

    Source: brief `salo`, sections 4.3 and 6: 16 multipliers do for 32 rows and blocks of one tile.
    """

    p: NormaliserParameters

    def __init__(self, p: NormaliserParameters) -> None:
        layout = data.ArrayLayout
        super().__init__(p, {
            "stage": In(Stage), "sums": In(layout(signed(p.sums.sum_bits), p.rows)),
            "dv": In(range(p.sums.dv_max + 1)),
            "valid": Out(1), "turn": Out(_index(p.turns)), "element": Out(_index(p.sums.dv_max)),
            "out": Out(layout(signed(p.output_bits), p.lanes)), "saturated": Out(p.lanes),
            "overrun": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        weights = Signal()
        m.d.comb += weights.eq(self.stage == Stage.SUM)
        # Turns of the divider: one waits to be started, one is at work or waits to be taken over.
        pending = Signal()
        engaged = Signal()
        dividing = Signal(_index(p.turns))
        start = Signal()
        hand_over = Signal()
        busy = Signal()
        divided = Signal(_index(p.turns), reset_less=True)
        # The turn whose sums are read.
        reading = Signal()
        ends = Signal()
        turn = Signal(_index(p.turns), name="reading_turn", reset_less=True)
        element = Signal(_index(p.sums.dv_max), name="reading_element", reset_less=True)
        m.d.comb += [
            ends.eq(element == self.dv - 1),
            hand_over.eq(engaged & ~busy & (~reading | ends)),
            start.eq(pending & (~engaged | hand_over)),
        ]
        with m.If(start):
            m.d.sync += [engaged.eq(1), divided.eq(dividing), dividing.eq(dividing + 1)]
            with m.If(dividing == p.turns - 1):
                m.d.sync += pending.eq(0)
        with m.Elif(hand_over):
            m.d.sync += engaged.eq(0)
        with m.If(weights):
            m.d.sync += [pending.eq(1), dividing.eq(0)]
            with m.If(pending | engaged):
                m.d.sync += self.overrun.eq(1)
        with m.If(hand_over):
            m.d.sync += [reading.eq(1), turn.eq(divided), element.eq(0)]
        with m.Elif(reading):
            m.d.sync += [element.eq(element + 1), reading.eq(~ends)]

        fetched = delayed(m, turn, "fetched", 1)
        words, totals = self._buffers(m, weights, turn, element, reading)
        for lane in range(p.lanes):
            mine = slice(lane, None, p.lanes)
            m.submodules[f"reciprocal_{lane}"] = reciprocal = Reciprocal(p.reciprocal)
            m.submodules[f"scaling_{lane}"] = scaling = Scaling(p.scaling)
            m.d.comb += [reciprocal.start.eq(start), reciprocal.number.eq(totals[mine][0])]
            m.d.comb += scaling.value.eq(words[mine][0])
            with m.Switch(dividing):
                for k, total in enumerate(totals[mine]):
                    with m.Case(k):
                        m.d.comb += reciprocal.number.eq(total)
            with m.Switch(fetched):
                for k, word in enumerate(words[mine]):
                    with m.Case(k):
                        m.d.comb += scaling.value.eq(word)
            held = Signal.like(reciprocal.reciprocal)
            zeros = Signal.like(reciprocal.zeros)
            with m.If(hand_over):
                m.d.sync += [held.eq(reciprocal.reciprocal), zeros.eq(reciprocal.zeros)]
            m.d.comb += [
                scaling.reciprocal.eq(delayed(m, held, f"held_{lane}", 1)),
                scaling.zeros.eq(delayed(m, zeros, f"zeros_{lane}", 1)),
                self.out[lane].eq(scaling.out), self.saturated[lane].eq(scaling.saturated),
            ]  # fmt: skip
            if lane == 0:
                m.d.comb += busy.eq(reciprocal.busy)
        later = 1 + p.scaling.latency
        m.d.comb += [
            self.valid.eq(delayed(m, reading, "valid", later, reset=True)),
            self.turn.eq(delayed(m, turn, "turn", later)),
            self.element.eq(delayed(m, element, "element", later)),
        ]
        return m

    def _buffers(
        self, m: Module, weights: Value, turn: Value, element: Value, reading: Value
    ) -> tuple[list[Value], list[Value]]:
        """The word that was read of each row, and its weight."""
        p = self.p
        count = Signal(_index(p.sums.dv_max), reset_less=True)
        with m.If(weights):
            m.d.sync += count.eq(0)
        with m.Elif(self.stage == Stage.VALUE):
            m.d.sync += count.eq(count + 1)
        words: list[Value] = []
        totals: list[Value] = []
        for row in range(p.rows):
            m.submodules[f"buffer_{row}"] = buffer = memory.Memory(
                shape=p.sums.sum_bits, depth=p.sums.dv_max, init=[]
            )
            write, read = buffer.write_port(), buffer.read_port()
            total = Signal(p.sums.total_bits, name=f"total_{row}", reset_less=True)
            with m.If(weights):
                m.d.sync += total.eq(self.sums[row])
            m.d.comb += [
                write.en.eq(self.stage == Stage.VALUE), write.addr.eq(count),
                write.data.eq(self.sums[row]),
                read.en.eq(reading & (turn == row // p.lanes)), read.addr.eq(element),
            ]  # fmt: skip
            words.append(read.data)
            totals.append(total)
        return words, totals


def _index(count: int) -> range:
    """Values of an index; a port needs a bit at least."""
    return range(max(count, 2))

"""The engine: tokens and a program go in, rows of attention come out."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from ..tpe.delay import delayed
from ..unit import Unit
from .array import SaloArray
from .descriptor import BLOCK, RIDER
from .descriptor_reader import DescriptorReader
from .engine_parameters import SaloEngineParameters
from .feeder import Feeder, token_beat
from .normaliser import Normaliser
from .program_store import Fault, ProgramStore
from .results import ResultBuffer, ResultMerge, ResultMergeParameters, ResultParameters, result_beat
from .sequencer import Sequencer
from .stages import Stage
from .weighted_sum import WeightedSum
from .working_pairs import WorkingPairs

__all__ = ["SaloEngine", "SaloEngineParameters"]


class SaloEngine(Unit):
    """Attention over the pairs that a program allows, bit for bit as ``golden/salo/machine.py``.

    Members
    -------
    program : In(stream of {word, last})
        A program as ``generators/salo`` writes it, 8 bytes a beat. It stays for any number of runs.
    load : In(stream of token_beat)
        Vectors of queries, keys and values, in any order; they stay until they are overwritten.
        They wait for a program that can run, and the ``last`` one starts it.
    results : Out(stream of result_beat)
        An element of ``lanes`` rows in each beat, rows in the order in which their blocks end; an
        element after the other, then the next ``lanes`` rows of the block. Riders' rows come in
        lane 0, alone, after those of the same tile. Rows without a query are not ``there``.
        ``last`` ends the run.
    loaded, busy : Out(1), fault : Out(Fault)
        There is a program that can run; it runs, and neither tokens nor programs are taken; why a
        program does not run, until another one comes.
    exponent_saturated, output_saturated : Out(1)
        In this run, or else the one before, a logit did not fit ``exp_bits``, and a result not
        ``output_bits``.
    cycles : Out(32)
        From the first stage of the first tile to the last one in the last column: ``tiles * (dk +
        dv + 2) + C + X - 1`` if nothing stalled.

    Notes
    -----
    Tiles follow without a bubble unless results are not taken, blocks end closer than
    ``Normaliser.interval``, or a tile is shorter than ``p.decode_cycles`` and has as many lists and
    masks. Then the sequencer waits between tiles, and nothing is lost: a block's last tile begins
    when there is room for its results.

    Source: brief `salo`, section 6.
    """

    p: SaloEngineParameters

    def __init__(self, p: SaloEngineParameters) -> None:
        words = data.StructLayout({"word": 64, "last": 1})
        beat = result_beat(_results(p))
        super().__init__(p, {
            "load": In(stream.Signature(token_beat(p))), "program": In(stream.Signature(words)),
            "results": Out(stream.Signature(beat)), "loaded": Out(1), "busy": Out(1),
            "fault": Out(Fault), "exponent_saturated": Out(1), "output_saturated": Out(1),
            "cycles": Out(32),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        a = p.array
        m.submodules.store = store = ProgramStore(p)
        m.submodules.reader = reader = DescriptorReader(p)
        m.submodules.sequencer = sequencer = Sequencer(p)
        m.submodules.feeder = feeder = Feeder(p)
        m.submodules.pairs = pairs = WorkingPairs(p)
        m.submodules.array = array = SaloArray(a)
        connect(m, flipped(self.program), store.i)
        connect(m, flipped(self.load), feeder.load)
        places = store.places
        begin = Signal()
        take = Signal()
        m.d.comb += [
            begin.eq(self.load.valid & self.load.ready & self.load.payload.last),
            take.eq(sequencer.take),
            store.open.eq(~self.busy), store.address.eq(reader.address),
            reader.word.eq(store.word),
            reader.places.eq(places), reader.start.eq(begin), reader.take.eq(take),
            sequencer.dk.eq(places.dk), sequencer.dv.eq(places.dv),
            feeder.open.eq(~self.busy & store.loaded),
            feeder.queries.eq(places.queries), feeder.keys.eq(places.keys),
            feeder.words.eq(reader.words), feeder.swap.eq(take),
            pairs.words.eq(reader.words), pairs.masks.eq(reader.masks),
            pairs.present.eq(feeder.present), pairs.settle.eq(sequencer.settle),
            pairs.queries.eq(Cat(token[16] for token in feeder.query_tokens)),
            array.stage.eq(sequencer.stage), array.shift.eq(places.shift),
            array.q.eq(feeder.q), array.kv.eq(feeder.kv), array.allowed.eq(pairs.allowed),
            self.loaded.eq(store.loaded), self.fault.eq(store.fault),
        ]  # fmt: skip
        for name in ("query_write", "key_write", "place", "entry"):
            m.d.comb += getattr(feeder, name).eq(getattr(reader, name))
        for name in ("turn", "write_keys", "write_values", "stage"):
            m.d.comb += getattr(feeder, name).eq(getattr(sequencer, name))
        if a.gather:
            m.d.comb += array.gather.eq(feeder.gather)
        if a.torus:
            m.d.comb += array.wrap.eq(pairs.wrap)
        if a.global_rows:
            m.d.comb += [
                pairs.rider_masks.eq(reader.rider_masks), array.rider_q.eq(feeder.rider_q),
                array.rider_allowed.eq(pairs.rider_allowed),
            ]
        if a.private:
            m.d.comb += array.rider_kv.eq(feeder.rider_kv)
        self._finish(m, sequencer, reader, feeder, array, begin, take)
        self._count(m, sequencer.stage, begin)
        return m

    def _finish(
        self, m: Module, sequencer: Sequencer, reader: DescriptorReader, feeder: Feeder,
        array: SaloArray, begin: Value, take: Value,
    ) -> None:
        """Merge, normalise and send: rows, and each rider on its own."""
        p = self.p
        a = p.array
        others = ResultMergeParameters(_results(p), a.global_rows)
        m.submodules.merge = merge = ResultMerge(others)
        tails = [_Tail(p, "rows", range(a.rows), p.lanes, a.latency, BLOCK, 0)]
        tails += [
            _Tail(p, f"rider_{g}", range(a.rows + g, a.rows + g + 1), 1, a.rider_latency(g), RIDER,
                  1 + a.gather + a.segments + g)
            for g in range(a.global_rows)
        ]  # fmt: skip
        ready: Value = reader.ready
        empty: list[Value] = []
        exponent: list[Value] = []
        output: list[Value] = []
        for number, tail in enumerate(tails):
            stage = array.rider_stage[number - 1] if number else array.out_stage
            sums = [array.rider_out[number - 1]] if number else list(array.out)
            buffer = tail.add(m, stage, sums, reader, feeder, sequencer, take)
            source = merge.others[number - 1] if number else merge.i
            connect(m, buffer.o, source)
            ready &= tail.room
            empty.append(buffer.empty)
            exponent.append(tail.exponent_saturated)
            output.append(tail.output_saturated)
        connect(m, merge.o, flipped(self.results))
        m.d.comb += [
            sequencer.ready.eq(ready), merge.ends.eq(Cat(tail.ends for tail in tails)),
            merge.last_tile.eq(reader.last_tile), merge.push.eq(merge.ends.any()),
        ]
        with m.If(begin):
            m.d.sync += [
                self.busy.eq(1), self.exponent_saturated.eq(0), self.output_saturated.eq(0),
            ]
        with m.Elif(self.busy):
            for flag, found in (
                (self.exponent_saturated, exponent), (self.output_saturated, output)
            ):  # fmt: skip
                with m.If(Cat(found).any()):
                    m.d.sync += flag.eq(1)
            with m.If(reader.ended & ~sequencer.busy & Cat(empty).all()):
                m.d.sync += self.busy.eq(0)

    def _count(self, m: Module, stage: Value, begin: Value) -> None:
        a = self.p.array
        since = Signal(32)
        with m.If(begin):
            m.d.sync += [since.eq(0), self.cycles.eq(0)]
        with m.Elif((stage != Stage.IDLE) | since.any()):
            m.d.sync += since.eq(since + 1)
            with m.If(stage != Stage.IDLE):
                m.d.sync += self.cycles.eq(since + a.cols + a.gather)


class _Tail:
    """What follows rows of the array that begin and end their blocks together.

    Parameters
    ----------
    slots
        Their places among the queries of a tile.
    lanes
        Of the normaliser.
    latency
        Cycles from a stage at the input of the array to what it gives.
    layout, word
        Where a descriptor says whether the tile is the first or the last one.
    """

    def __init__(
        self, p: SaloEngineParameters, name: str, slots: range, lanes: int, latency: int,
        layout: data.Layout, word: int,
    ) -> None:
        self.p, self.name, self.slots, self.latency = p, name, slots, latency
        self.layout, self.word = layout, word
        self.normaliser = p.normaliser(len(slots), lanes)
        self.results = ResultParameters(
            len(slots), lanes, p.output_bits, p.dv_max, p.result_blocks
        )
        self.room = Signal(name=f"{name}_room")
        self.ends = Signal(name=f"{name}_ends")
        self.exponent_saturated = Signal(name=f"{name}_exponent_saturated")
        self.output_saturated = Signal(name=f"{name}_output_saturated")

    def add(
        self, m: Module, stage: Value, sums: list[data.View], reader: DescriptorReader,
        feeder: Feeder, sequencer: Sequencer, take: Value,
    ) -> ResultBuffer:
        name = self.name
        dv = sequencer.dv
        m.submodules[f"{name}_normaliser"] = normaliser = Normaliser(self.normaliser)
        m.submodules[f"{name}_results"] = buffer = ResultBuffer(self.results)
        now, coming = (
            data.View(self.layout, words[self.word]) for words in (reader.words, reader.next_words)
        )
        first, last = Signal(name=f"{name}_first"), Signal(name=f"{name}_last")
        with m.If(sequencer.settle):
            m.d.sync += [first.eq(now.first), last.eq(now.last)]
        edges = delayed(m, Cat(first, last), f"{name}_edges", self.latency)
        for number, row in enumerate(sums):
            m.submodules[f"{name}_sum_{number}"] = module = WeightedSum(self.p.sums)
            m.d.comb += [
                module.stage.eq(stage), module.maximum.eq(row.maximum), module.seen.eq(row.seen),
                module.sum.eq(row.sum), module.first.eq(edges[0]), module.last.eq(edges[1]),
                normaliser.sums[number].eq(module.out),
            ]  # fmt: skip
            if number == 0:
                m.d.comb += normaliser.stage.eq(module.out_stage)
        rested = self._rested(m, self.ends, dv)
        m.d.comb += [
            self.ends.eq(take & coming.last),
            self.exponent_saturated.eq((stage == Stage.EXP) & Cat(r.saturated for r in sums).any()),
            self.output_saturated.eq(normaliser.valid & normaliser.saturated.any()),
            normaliser.dv.eq(dv), buffer.dv.eq(dv), buffer.valid.eq(normaliser.valid),
            buffer.values.eq(normaliser.out), buffer.reserve.eq(self.ends),
            buffer.queries.eq(Cat(feeder.query_tokens[slot] for slot in self.slots)),
            buffer.queries_write.eq(sequencer.settle & now.last),
            self.room.eq(~coming.last | (buffer.room & rested)),
        ]  # fmt: skip
        return buffer

    def _rested(self, m: Module, ends: Value, dv: Value) -> Value:
        """Whether a block may end again: ``NormaliserParameters.interval`` cycles after another."""
        n = self.normaliser
        busy = n.reciprocal.latency
        left = Signal(range(n.interval(self.p.dv_max) + 1), name=f"{self.name}_left")
        turn = Signal.like(left)
        rest = Signal.like(left)
        m.d.comb += [
            turn.eq(_larger(dv, busy)),
            rest.eq((n.turns - 1) * turn + _larger(turn, busy + 2)),
        ]
        with m.If(ends):
            m.d.sync += left.eq(rest - 1)
        with m.Elif(left.any()):
            m.d.sync += left.eq(left - 1)
        return ~left.any()


def _results(p: SaloEngineParameters) -> ResultParameters:
    return ResultParameters(p.array.rows, p.lanes, p.output_bits, p.dv_max, p.result_blocks)


def _larger(value: Value, least: int) -> Value:
    return Mux(value > least, value, least)

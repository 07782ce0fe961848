"""Feeder: tokens in memory, and the vectors of a tile on their way to the array."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, enum, memory, stream
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .descriptor import BLOCK, GATHER, RIDER, SEGMENT, GatherMode, SegmentKind
from .engine_parameters import SaloEngineParameters
from .lanes import Lanes, LanesParameters
from .skew import Skew, SkewParameters
from .stages import Stage, is_score
from .token_selector import TokenSelector, TokenSelectorParameters

__all__ = ["Feeder", "Operand", "token_beat"]


class Operand(enum.Enum, shape=2):
    """What a token's vector is."""

    QUERY = 0
    KEY = 1
    VALUE = 2


def token_beat(p: SaloEngineParameters) -> data.StructLayout:
    """A vector: which operand, of which token; with private riders, whether it is one of theirs.

    ``last``: there will be no other one before the tiles are done.
    """
    formats = p.array.datapath
    element = signed(max(formats.q_bits, formats.kv_bits))
    return data.StructLayout({
        "operand": Operand, **({"rider": 1} if p.array.private else {}),
        "token": range(p.max_tokens), "last": 1,
        "vector": data.ArrayLayout(element, max(formats.dk_max, p.dv_max)),
    })  # fmt: skip


class Feeder(Unit):
    """Vectors of tokens for all ports of the array.

    Members
    -------
    load : In(stream of token_beat), open : In(1)
        Vectors of tokens; they have to wait while not ``open``.
    queries, keys : In(17)
        How many there are.
    words : In(descriptor_words of 64 bits)
        Of the tile that is loaded.
    query_write, key_write, place, entry, swap : In
        Lists of the next tile, as :class:`~.descriptor_reader.DescriptorReader` gives them, and
        when it becomes the current one.
    turn, write_keys, write_values, stage : In
        As :class:`~.sequencer.Sequencer` has them.
    q, kv, gather, rider_q, rider_kv : Out
        To the array, in the cycles in which it takes them.
    query_tokens : Out(query slots of 17 bits), present : Out(key slots)
        Queries of rows and riders, on top whether there is one; whether lanes have a token.

    Notes
    -----
    Any tokens can be together in a tile: each of the ``reads`` ports reads any token, so that no
    two stand in each other's way. Queries, fewer than keys, have as many ports as they need to be
    read in the same time. A private rider's vectors are in the upper half of the memories.
    """

    p: SaloEngineParameters

    def __init__(self, p: SaloEngineParameters) -> None:
        a = p.array
        q, kv = signed(a.datapath.q_bits), signed(a.datapath.kv_bits)
        layout = data.ArrayLayout
        members: dict[str, In | Out] = {
            "load": In(stream.Signature(token_beat(p))), "open": In(1),
            "queries": In(17), "keys": In(17), "words": In(layout(64, p.descriptor_words)),
            "query_write": In(1), "key_write": In(1), "place": In(range(1 << 12)),
            "entry": In(32), "swap": In(1), "turn": In(range(p.loads + 1)),
            "write_keys": In(p.loads), "write_values": In(p.loads), "stage": In(Stage),
            "q": Out(layout(q, a.rows)),
            "kv": Out(layout(layout(kv, a.ports), a.segments)),
            "query_tokens": Out(layout(17, len(p.query_slots))),
            "present": Out(len(p.key_slots)),
        }  # fmt: skip
        if a.gather:
            members["gather"] = Out(layout(layout(kv, a.gather), a.rows))
        if a.global_rows:
            members["rider_q"] = Out(layout(q, a.global_rows))
        if a.private:
            members["rider_kv"] = Out(layout(layout(kv, a.cols), a.global_rows))
        super().__init__(p, members)

    def body(self) -> Module:
        m = Module()
        p = self.p
        a, formats = p.array, p.array.datapath
        m.d.comb += self.load.ready.eq(self.open)
        query = self._selector(m, "query")
        key = self._selector(m, "key")
        self._describe(m, query, key)
        for slot in range(len(p.query_slots)):
            turn, read = divmod(slot, query.p.reads)
            with m.If(query.taken == turn):
                m.d.sync += self.query_tokens[slot].eq(query.tokens[read])
        m.d.comb += self.present.eq(key.present)

        scoring = Signal()
        valuing = Signal()
        m.d.comb += [scoring.eq(is_score(self.stage)), valuing.eq(self.stage == Stage.VALUE)]
        q = self._lanes(m, Operand.QUERY, formats.q_bits, formats.dk_max, query, scoring)
        k = self._lanes(m, Operand.KEY, formats.kv_bits, formats.dk_max, key, scoring)
        v = self._lanes(m, Operand.VALUE, formats.kv_bits, p.dv_max, key, valuing)
        kv = [
            Mux(valuing, value, word).as_signed() for word, value in zip(k, v, strict=True)
        ]
        local, gathered = a.segments * a.ports, a.rows * a.gather
        m.d.comb += Cat(self.q).eq(Cat(*q[: a.rows]))
        self._skew(m, "kv", SkewParameters.of_kv(a), kv[:local])
        if a.gather:
            self._skew(m, "gather", SkewParameters.of_gather(a), kv[local : local + gathered])
        if a.global_rows:
            self._skew(m, "rider_q", SkewParameters.of_rider_q(a), q[a.rows :])
        if a.private:
            self._skew(m, "rider_kv", SkewParameters.of_rider_kv(a), kv[local + gathered :])
        return m

    def _selector(self, m: Module, name: str) -> TokenSelector:
        """Selector of queries or of keys."""
        p = self.p
        a = p.array
        if name == "query":
            slots, limit, write = p.query_slots, self.queries, self.query_write
            entries = (a.rows, *[0] * a.global_rows)
            apart = 1 if a.private else None
        else:
            slots, limit, write = p.key_slots, self.keys, self.key_write
            local = (*[a.segment_cols] * a.segments, *[a.rows] * a.gather)
            entries = (*local, *[0] * (p.key_sources - len(local)))
            apart = len(local) if a.private else None
        reads = -(-len(slots) // p.loads)
        parameters = TokenSelectorParameters(slots, entries, p.max_tokens, reads, apart)
        selector = TokenSelector(parameters)
        m.submodules[f"{name}_selector"] = selector
        m.d.comb += [
            selector.limit.eq(limit), selector.swap.eq(self.swap),
            selector.entry_write.eq(write), selector.entry_place.eq(self.place),
            selector.entry.eq(self.entry),
            selector.turn.eq(Mux(self.turn < parameters.turns, self.turn, parameters.turns)),
        ]  # fmt: skip
        return selector

    def _describe(self, m: Module, query: TokenSelector, key: TokenSelector) -> None:
        """Tell selectors what the words of the tile say."""
        a = self.p.array
        words = iter(self.words)
        block = data.View(BLOCK, next(words))
        rows = query.sources[0]
        m.d.comb += [
            rows.given.eq(1), rows.listed.eq(block.listed), rows.base.eq(block.base),
            rows.step.eq(block.step), rows.high.eq(Mux(block.listed, a.rows, block.count)),
        ]  # fmt: skip
        for x in range(a.gather):
            word, source = data.View(GATHER, next(words)), key.sources[a.segments + x]
            listed = word.mode == GatherMode.LISTED
            m.d.comb += [
                source.given.eq(word.mode != GatherMode.NONE), source.listed.eq(listed),
                source.base.eq(word.base), source.step.eq(word.step),
                source.low.eq(Mux(listed, 0, word.low)),
                source.high.eq(Mux(listed, a.rows, word.high)),
            ]  # fmt: skip
        for s in range(a.segments):
            word, source = data.View(SEGMENT, next(words)), key.sources[s]
            listed = word.kind == SegmentKind.CIRCULANT
            m.d.comb += [
                source.given.eq(word.kind != SegmentKind.NONE), source.listed.eq(listed),
                source.base.eq(word.base), source.step.eq(word.step),
                source.high.eq(Mux(listed, word.step, a.ports)),
            ]  # fmt: skip
        for g in range(a.global_rows):
            word, source = data.View(RIDER, next(words)), query.sources[1 + g]
            m.d.comb += [
                source.given.eq(word.active), source.base.eq(word.query), source.high.eq(1),
            ]
            if a.private:
                own = key.sources[a.segments + a.gather + g]
                m.d.comb += [
                    own.given.eq(word.active), own.base.eq(word.base), own.step.eq(1),
                    own.high.eq(a.cols),
                ]  # fmt: skip

    def _lanes(
        self, m: Module, operand: Operand, bits: int, length: int, selector: TokenSelector,
        shift: Value,
    ) -> list[Value]:
        """Memory of an operand and its lanes; return the elements that are at their ends."""
        p = self.p
        name = operand.name.lower()
        m.submodules[f"{name}_memory"] = vectors = memory.Memory(
            shape=bits * length, depth=selector.p.depth, init=[]
        )
        beat = self.load.payload
        write = vectors.write_port()
        address: Value = beat.token
        if p.array.private:
            address = beat.token + beat.rider * p.max_tokens
        m.d.comb += [
            write.addr.eq(address),
            write.data.eq(Cat(element[:bits] for element in list(beat.vector)[:length])),
            write.en.eq(self.load.valid & self.load.ready & (beat.operand == operand)),
        ]
        parameters = LanesParameters(bits, length, len(selector.p.slots), selector.p.reads)
        m.submodules[f"{name}_lanes"] = lanes = Lanes(parameters)
        # Lanes without a token are 0: nothing of memory that was never written goes any further.
        there = Signal(parameters.reads, name=f"{name}_there")
        m.d.sync += there.eq(Cat(token[16] for token in selector.tokens))
        for r in range(parameters.reads):
            read = vectors.read_port()
            m.d.comb += [
                read.addr.eq(selector.address[r]),
                lanes.words[r].eq(Mux(there[r], read.data, 0)),
                # Never beside a write, so that no bypass is made for a word that is both.
                read.en.eq(~self.open),
            ]
        due = self.write_values if operand == Operand.VALUE else self.write_keys
        m.d.comb += [lanes.write.eq(due), lanes.shift.eq(shift)]
        return list(lanes.o)

    def _skew(
        self, m: Module, name: str, parameters: SkewParameters, words: list[Value]
    ) -> None:
        m.submodules[f"{name}_skew"] = skew = Skew(parameters)
        m.d.comb += [
            Cat(skew.i).eq(Cat(*words)), Cat(getattr(self, name)).eq(Cat(skew.o)),
        ]

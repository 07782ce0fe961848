"""Threads: each takes a task, reads the task's lists, and goes through its code."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Array, Cat, Elaboratable, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..fabric.elastic import ElasticPipeline
from ..fabric.memory import BlockMemory
from ..unit import Unit
from .faults import Fault, fault, raise_fault
from .jobs import LoadKind, finished, table_write
from .parameters import GnnParameters
from .queue import add_queue
from .records import BLOCK_SHIFT
from .tasks import SETTINGS, fetched, loaded, thread_task, waiting_task
from .transfers import read_request

__all__ = ["Threads"]

_LISTS = (LoadKind.SOURCES, LoadKind.EDGES, LoadKind.SCALARS)
_EXTENTS = 5
"""Cycles of the products of a task: one each, and two ranks of registers."""


class Threads(Unit):
    """Give tasks to free threads, and fetch the instructions of those that can go on.

    Members
    -------
    clear, halt : In(1)
        Forget everything; fetch nothing and ask for no lists.
    settings : In(SETTINGS), image : In(40), counts : In(loaded)
        Of the pass; where the image is; what was loaded.
    code : In(table_write(64))
        Loading of instructions.
    tasks : In(stream of waiting_task)
        Tasks; taken as soon as a thread is free.
    lists : Out(stream of read_request)
        Lists of shards.
    fetched : Out(stream of fetched)
        Instructions, of the threads in turn.
    vector_done, matrix_done, read_done, write_done : In(finished())
        A thread's job has ended, so that its next instruction may follow.
    ended : In(finished())
        A thread's task has ended.
    started : Out(1)
        A task was taken.
    fault : Out(fault())
        A shard is larger than the memories.

    Notes
    -----
    Cycles: 6 from a task to a chunk's thread that is ready; tasks follow at a cycle more. 3 from
    ``done`` to ``fetched``, which has an instruction a cycle.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            "clear": In(1), "halt": In(1), "settings": In(SETTINGS), "image": In(40),
            "counts": In(loaded(p)), "code": In(table_write(64)),
            "tasks": In(stream.Signature(waiting_task(p))),
            "lists": Out(stream.Signature(read_request(p))),
            "fetched": Out(stream.Signature(fetched(p))), "vector_done": In(finished()),
            "matrix_done": In(finished()), "read_done": In(finished()),
            "write_done": In(finished()), "ended": In(finished()), "started": Out(1),
            "fault": Out(fault()),
        })  # fmt: skip

    def body(self) -> Elaboratable:
        m = Module()
        p = self.p
        free = Signal(p.threads, init=-1)
        ready = Signal(p.threads)
        contexts = BlockMemory(shape=thread_task(p).size, depth=p.threads)
        m.submodules.contexts = contexts
        counters = Array(
            Signal(p.pc_bits, name=f"pc_{number}", reset_less=True) for number in range(p.threads)
        )
        dones = (self.vector_done, self.matrix_done, self.read_done, self.write_done)
        # Later assignments win: what a thread loses is told before what it gets.
        self._fetch(m, ready, contexts, counters)
        for done in dones:
            _mark(m, ready, done)
        self._start(m, free, ready, contexts, counters)
        _mark(m, free, self.ended)
        return ResetInserter(self.clear)(m)

    def _fetch(
        self, m: Module, ready: Signal, contexts: BlockMemory, counters: Array[Signal]
    ) -> None:
        """Choose ready threads in turn, and fetch their instructions."""
        p = self.p
        code = BlockMemory(shape=64, depth=p.instructions)
        m.submodules.code = code
        write, read = code.write_port(), code.read_port()
        context = contexts.read_port()
        later = Signal(p.threads)
        choice = Signal(range(p.threads))
        rest = Signal(p.threads)
        mine = Signal(p.threads)
        m.d.comb += [
            rest.eq(ready & later), mine.eq(Mux(rest.any(), rest & -rest, ready & -ready)),
            choice.eq(reduce(or_, (Mux(mine[n], n, 0) for n in range(p.threads)))),
        ]
        accept = Signal(name="choose")
        chosen = ready.any() & ~self.halt
        pipe = ElasticPipeline(m, valid=chosen, ready=accept)
        at = pipe.cut("choice", thread=choice, pc=counters[choice])
        m.d.comb += [read.addr.eq(at.pc), context.addr.eq(at.thread)]
        m.d.comb += [read.en.eq(pipe.ready), context.en.eq(pipe.ready)]
        at = pipe.cut("word", thread=at.thread, pc=at.pc, outside=at.pc >= self.counts.code)
        # A queue, so that the end of an instruction does not reach the choice in the same cycle.
        queue = add_queue(m, "queue", fetched(p), 2, self.clear)
        out = queue.i
        pipe.finish(valid=out.valid, ready=out.ready)
        with m.If(chosen & accept):
            for number in range(p.threads):
                with m.If(mine[number]):
                    m.d.sync += [
                        ready[number].eq(0), counters[number].eq(counters[number] + 1),
                        later.eq((-2 << number) & ((1 << p.threads) - 1)),
                    ]
        m.d.comb += [
            write.en.eq(self.code.enable), write.addr.eq(self.code.address),
            write.data.eq(self.code.data), out.payload.thread.eq(at.thread),
            out.payload.pc.eq(at.pc), out.payload.outside.eq(at.outside),
            out.payload.word.eq(read.data), out.payload.task.eq(context.data),
            self.fetched.valid.eq(queue.o.valid), self.fetched.payload.eq(queue.o.payload),
            queue.o.ready.eq(self.fetched.ready),
        ]  # fmt: skip

    def _start(
        self, m: Module, free: Signal, ready: Signal, contexts: BlockMemory, counters: Array[Signal]
    ) -> None:
        """Take a task for a free thread: extents, lists, and its first instruction."""
        p = self.p
        task = Signal(waiting_task(p), reset_less=True)
        thread = Signal(range(p.threads))
        busy = Signal()
        step = Signal(range(_EXTENTS + 1))
        chosen = Signal(range(p.threads))
        for number in reversed(range(p.threads)):
            with m.If(free[number]):
                m.d.comb += chosen.eq(number)
        m.d.comb += self.started.eq(self.tasks.valid & self.tasks.ready)
        m.d.sync += self.tasks.ready.eq(~busy & free.any() & ~self.started)
        with m.If(self.started):
            m.d.sync += [task.eq(self.tasks.payload), thread.eq(chosen), busy.eq(1), step.eq(0)]
            for number in range(p.threads):
                with m.If(chosen == number):
                    m.d.sync += free[number].eq(0)
        with m.Elif(step != _EXTENTS):
            m.d.sync += step.eq(step + 1)
        extents = self._extents(m, task, step)
        sent = self._lists(m, task, thread, busy, step)
        large = task.shard & ((task.rows > p.max_sources) | (task.edges > p.max_edges))
        bad = busy & (step == 0) & large
        m.d.sync += raise_fault(self.fault, bad, Fault.RECORD, thread=thread, pc=task.pc)
        write = contexts.write_port()
        context = Signal(thread_task(p))
        m.d.comb += [
            *(
                context[name].eq(task[name])
                for name in ("context", "shard", "round", "place", "rows", "edges", "accumulator")
            ),
            context.extents.eq(extents), write.addr.eq(thread), write.data.eq(context),
            write.en.eq(busy & (step == _EXTENTS - 1)),
        ]  # fmt: skip
        with m.If(write.en):
            for number in range(p.threads):
                with m.If(thread == number):
                    m.d.sync += [counters[number].eq(task.pc), ready[number].eq(~task.shard)]
        with m.If(busy & sent & (step >= _EXTENTS - 1)):
            m.d.sync += busy.eq(0)

    def _extents(self, m: Module, task: data.View, step: Signal) -> Value:
        """Multiply, one a cycle, the last row of each space with its stride."""
        settings = self.settings
        rows = Signal(16, reset_less=True)
        stride = Signal(16, reset_less=True)
        last = Signal(16)
        bits = self.p.extent_bits
        product = Signal(bits, reset_less=True)
        strides = (
            settings.accumulator_stride,
            Mux(task.shard, settings.source_stride[task.round], settings.chunk_stride),
            settings.edge_stride[task.round],
        )
        counts = (task.reach, task.rows, task.edges)
        with m.Switch(step):
            # The last one stays.
            for case, count, words in zip(((0,), (1,), ()), counts, strides, strict=True):
                with m.Case(*case) if case else m.Default():
                    m.d.comb += last.eq(count)
                    m.d.sync += stride.eq(words)
        whole = rows * stride
        m.d.sync += [
            rows.eq(Mux(last == 0, 0, last - 1)),
            # What does not fit stays larger than any memory, of 2^address_bits words at most.
            product.eq(Mux(whole[bits:].any(), -1, whole[:bits])),
        ]
        kept = [Signal(bits, name=f"extent_{number}", reset_less=True) for number in range(2)]
        with m.If(step == 2):
            m.d.sync += kept[0].eq(product)
        with m.If(step == 3):
            m.d.sync += kept[1].eq(product)
        return Cat(*kept, product)

    def _lists(
        self, m: Module, task: data.View, thread: Value, busy: Value, step: Value
    ) -> Value:
        """Ask for the lists of a shard; the last one after the task is known to be whole."""
        request = read_request(self.p)
        asked = Signal(request)
        job = asked.job
        number = Signal(2)
        left = Signal()
        valid = Signal()
        ready = Signal()
        scalars = self.settings.has_scalars.bit_select(task.round, 1)
        last = (number == 2) | ((number == 1) & ~scalars)
        blocks = (task.source_block, task.edge_block, task.scalar_block)
        with m.Switch(number):
            for index, (kind, block) in enumerate(zip(_LISTS, blocks, strict=True)):
                with m.Case(index):
                    m.d.comb += [
                        job.kind.eq(kind), job.address.eq(self.image + (block << BLOCK_SHIFT)),
                        job.rows.eq(task.edges if kind is LoadKind.EDGES else task.rows),
                    ]
        m.d.comb += [
            job.thread.eq(thread), asked.pc.eq(task.pc), asked.last.eq(last),
            valid.eq(busy & left & ~self.halt & (~last | (step == _EXTENTS)) & (step != 0)),
        ]  # fmt: skip
        queue = add_queue(m, "asked", request, 2, self.clear)
        m.d.comb += [queue.i.valid.eq(valid), ready.eq(queue.i.ready), queue.i.payload.eq(asked)]
        connect(m, queue.o, flipped(self.lists))
        with m.If(self.started):
            m.d.sync += [number.eq(0), left.eq(self.tasks.payload.shard)]
        with m.Elif(valid & ready):
            m.d.sync += number.eq(number + 1)
            with m.If(last):
                m.d.sync += left.eq(0)
        return ~left


def _mark(m: Module, flags: Signal, done: wiring.PureInterface) -> None:
    """Set the flag of a thread."""
    for number in range(len(flags)):
        with m.If(done.valid & (done.thread == number)):
            m.d.sync += flags[number].eq(1)



"""Issue: instructions become jobs of the units."""

from __future__ import annotations

from amaranth.hdl import Cat, Elaboratable, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from ..fabric.memory import BlockMemory
from ..unit import Unit
from .decoder import DECODED, OPERANDS, Decoder, Executor
from .faults import Fault, fault, raise_fault
from .instruction import SLOT, SLOTS, ElementType, Opcode, Space
from .jobs import CONSTANT, LoadKind, finished, matrix_job, table_write, vector_job
from .operands import Operands
from .parameters import GnnParameters
from .queue import add_queue
from .records import BLOCK_SHIFT, TENSOR, TENSORS
from .table_entry import SLOT_ENTRY, TENSOR_ENTRY, kept
from .tasks import SETTINGS, fetched, loaded, thread_task
from .transfers import read_request, write_request

__all__ = ["Issue"]

_CONSTANTS = 16


def _decoded(p: GnnParameters) -> data.StructLayout:
    """What was fetched, its word decoded."""
    beside = {name: field.shape for name, field in fetched(p) if name != "word"}
    return data.StructLayout({**beside, "decoded": DECODED})


class Issue(Unit):
    """Decode, look up slots, check, and put a job into the queue of its unit.

    Members
    -------
    clear, halt : In(1)
        Forget everything; give no jobs.
    settings : In(SETTINGS), image : In(40), counts : In(loaded)
        Of the pass; where the image is; what was loaded.
    slots : In(table_write(64)), constants : In(table_write(32)), tensors : In(table_write(64))
        Loading of the tables.
    fetched : In(stream of fetched)
        Instructions.
    vector, matrix, read, write : Out(streams of the jobs and requests)
        What the units shall do.
    ended : Out(finished()), ended_context : Out(1)
        A thread's task has ended; its interval's context.
    issued : Out(4)
        A job was made for the vector unit, the matrix unit, reading, writing.
    fault : Out(fault())
        An instruction that cannot be.

    Notes
    -----
    A queue has a place for each thread, so that a unit that is busy never holds up the others.

    Cycles: an instruction with n slots takes n + 7, and END 3; its job is in the queue then, and
    is offered a cycle later.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            "clear": In(1), "halt": In(1), "settings": In(SETTINGS), "image": In(40),
            "counts": In(loaded(p)), "slots": In(table_write(64)), "constants": In(table_write(32)),
            "tensors": In(table_write(64)), "fetched": In(stream.Signature(fetched(p))),
            "vector": Out(stream.Signature(vector_job(p))),
            "matrix": Out(stream.Signature(matrix_job(p))),
            "read": Out(stream.Signature(read_request(p))),
            "write": Out(stream.Signature(write_request(p))), "ended": Out(finished()),
            "ended_context": Out(1), "issued": Out(4), "fault": Out(fault()),
        })  # fmt: skip

    def body(self) -> Elaboratable:
        m = Module()
        p = self.p
        m.submodules.decoder = decoder = Decoder(p)
        m.submodules.operands = operands = Operands(p)
        busy = Signal()
        begin = Signal()
        over = Signal()
        queue = add_queue(m, "decoded", _decoded(p), 2, self.clear)
        m.d.comb += [
            decoder.word.eq(self.fetched.payload.word), queue.i.valid.eq(self.fetched.valid),
            self.fetched.ready.eq(queue.i.ready),
            queue.i.payload.decoded.eq(decoder.decoded),
            *(
                queue.i.payload[name].eq(self.fetched.payload[name])
                for name, _ in fetched(p) if name != "word"
            ),
        ]
        following = queue.o.payload
        thread = Signal(4)
        pc = Signal(p.pc_bits)
        outside = Signal()
        word = Signal(DECODED)
        task = Signal(thread_task(p))
        settings = self.settings
        stride = Signal(p.local_bits)
        m.d.comb += [
            queue.o.ready.eq(~busy | over), begin.eq(queue.o.valid & queue.o.ready),
            operands.clear.eq(self.clear), operands.current.eq(task),
            operands.halves.eq(settings.halves), operands.bias.eq(word.imm),
            operands.present.eq(word.present),
            operands.strides[0].eq(settings.accumulator_stride), operands.strides[1].eq(stride),
            operands.strides[2].eq(settings.edge_stride[task.round]),
        ]  # fmt: skip
        todo = Signal(len(OPERANDS))
        checked = Signal()
        first = Signal()
        with m.If(over):
            m.d.sync += busy.eq(0)
        m.d.sync += first.eq(begin)
        with m.If(begin):
            m.d.sync += [
                busy.eq(1), thread.eq(following.thread), pc.eq(following.pc),
                task.eq(following.task), outside.eq(following.outside),
                word.eq(following.decoded), todo.eq(following.decoded.present),
                stride.eq(Mux(
                    following.task.shard, settings.source_stride[following.task.round],
                    settings.chunk_stride,
                )),
            ]  # fmt: skip
        with m.Else():
            m.d.sync += todo.eq(todo & (todo - 1))
        self._look_up(m, operands, todo, checked, word)
        misplaced = Mux(task.shard, ~word.shards, ~word.chunks)
        moves = (word.executor == Executor.READ) | (word.executor == Executor.WRITE)
        unknown = moves & (word.tensor >= self.counts.tensors)
        code = Signal(Fault)
        with m.If(first):
            with m.If(outside):
                m.d.comb += code.eq(Fault.PROGRAM_COUNTER)
            with m.Elif(~word.legal):
                m.d.comb += code.eq(Fault.INSTRUCTION)
            with m.Elif(misplaced | unknown):
                m.d.comb += code.eq(Fault.OPERAND)
        with m.Elif(operands.checked):
            m.d.comb += code.eq(operands.code)
        bad = busy & (code != Fault.NONE)
        stopped = Signal()
        with m.If(bad):
            m.d.sync += stopped.eq(1)
        m.d.sync += raise_fault(self.fault, bad & ~stopped, code, thread=thread, pc=pc)
        end = word.executor == Executor.END
        pushed = Signal()
        # What is wrong in the first cycle has stopped it long before the push; only some of it can
        # be wrong with END. So comparisons of that cycle reach no queue.
        fine = operands.code == Fault.NONE
        m.d.comb += [
            pushed.eq(busy & checked & fine & ~stopped), self.ended.thread.eq(thread),
            self.ended.valid.eq(first & busy & end & ~outside & word.legal & ~stopped),
            self.ended_context.eq(task.context), over.eq(pushed | self.ended.valid),
        ]  # fmt: skip
        self._make_jobs(m, operands, word, task, thread, pc, stride, pushed)
        return ResetInserter(self.clear)(m)

    def _look_up(
        self, m: Module, operands: Operands, todo: Signal, checked: Signal, word: data.View
    ) -> None:
        """Look up a slot a cycle; ``checked`` in the cycle in which the last one is."""
        slots = BlockMemory(shape=SLOT_ENTRY.size, depth=SLOTS + 2)
        m.submodules.slots = slots
        write, read = slots.write_port(), slots.read_port()
        index = Signal(3)
        number = Signal(6)
        looked_up = operands.looked_up
        for place in reversed(range(len(OPERANDS))):
            with m.If(todo[place]):
                m.d.comb += [index.eq(place), number.eq(word.slots[place])]
        m.d.comb += [
            write.en.eq(self.slots.enable), write.addr.eq(self.slots.address),
            write.data.eq(kept(SLOT, self.slots.data)), read.addr.eq(number),
        ]  # fmt: skip
        asked = Signal()
        final = Signal(6)
        m.d.comb += asked.eq(todo.any())
        beside = {
            "valid": asked, "index": index, "there": number < self.counts.slots,
            "spaces": word.spaces[index], "once": word.once.bit_select(index, 1),
        }  # fmt: skip
        late = {name: Signal(Value.cast(value).shape(), name=f"looked_up_{name}")
                for name, value in beside.items()}  # fmt: skip
        m.d.sync += [late[name].eq(value) for name, value in beside.items()]
        # What comes out of a memory comes late in its cycle: a register first.
        m.d.sync += [
            operands.valid.eq(late.pop("valid")),
            looked_up.slot.eq(data.View(SLOT_ENTRY, read.data)),
            looked_up.rowwise.eq(word.op.as_value() >= Opcode.FILL.value),
            *(looked_up[name].eq(value) for name, value in late.items()),
            final.eq(Cat(asked & ((todo & (todo - 1)) == 0), final[:5])),
        ]  # fmt: skip
        # Slot, register, parts, sums, the one that counts, and what is wrong.
        m.d.comb += checked.eq(final[5])

    def _make_jobs(
        self, m: Module, operands: Operands, word: data.View, task: data.View, thread: Value,
        pc: Value, stride: Value, pushed: Value,
    ) -> None:
        p = self.p
        constants = BlockMemory(shape=CONSTANT.size, depth=_CONSTANTS)
        tensors = BlockMemory(shape=TENSOR_ENTRY.size, depth=TENSORS)
        m.submodules.constants, m.submodules.tensors = constants, tensors
        for memory, port, words in (
            (constants, self.constants, self.constants.data),
            (tensors, self.tensors, kept(TENSOR, self.tensors.data)),
        ):
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.en.eq(port.enable), write.addr.eq(port.address), write.data.eq(words),
                read.addr.eq(word.k if memory is constants else word.tensor),
            ]
            if memory is constants:
                constant = data.View(CONSTANT, read.data)
            else:
                tensor = data.View(TENSOR_ENTRY, read.data)
        address = Signal(40)
        step = Signal(16)
        m.d.sync += [
            address.eq(self.image + (tensor.block << BLOCK_SHIFT)), step.eq(tensor.stride),
        ]
        d, a = operands.operands.d, operands.operands.a
        once = word.once[0]
        vector, matrix, read, write = (
            Signal(port.payload.shape(), name=name)
            for name, port in (
                ("vector_job", self.vector), ("matrix_job", self.matrix), ("read", self.read),
                ("write", self.write),
            )
        )
        scores = task.shard & (word.op.as_value() >= Opcode.FILL.value) & (d.space == Space.EDGE)
        m.d.comb += [
            vector.thread.eq(thread), vector.op.eq(word.op), vector.relu.eq(word.relu),
            vector.maximum.eq(word.maximum), vector.k.eq(word.k), vector.imm.eq(word.imm),
            vector.constant.eq(constant), vector.rows.eq(Mux(scores, task.edges, task.rows)),
            vector.edges.eq(task.edges), vector.elements.eq(operands.elements),
            vector.scalar.eq(word.scalar),
            *(vector[name].eq(operands.operands[name]) for name in OPERANDS),
            matrix.thread.eq(thread), matrix.relu.eq(word.relu),
            matrix.wide.eq(d.type == ElementType.I16), matrix.constant.eq(constant),
            matrix.rows.eq(task.rows), matrix.a_base.eq(a.base), matrix.d_base.eq(d.base),
            matrix.stride.eq(stride), matrix.weight.eq(operands.weight),
            matrix.k_tiles.eq(operands.k_tiles), matrix.n_tiles.eq(operands.n_tiles),
            matrix.bias.eq(word.imm),
            read.job.kind.eq(Mux(task.shard & ~once, LoadKind.GATHERED, LoadKind.ROWS)),
            read.job.base.eq(d.base), read.job.rows.eq(Mux(once, 1, task.rows)),
            read.place.eq(Mux(once | task.shard, 0, task.place)), read.last.eq(1),
            write.job.base.eq(a.base), write.job.rows.eq(task.rows), write.place.eq(task.place),
        ]  # fmt: skip
        for request in (read, write):
            m.d.comb += [
                request.pc.eq(pc), request.job.thread.eq(thread), request.job.address.eq(address),
                request.job.row_step.eq(step), request.job.bytes.eq(operands.bytes),
                request.job.stride.eq(stride),
            ]  # fmt: skip
        for index, (executor, job, port) in enumerate((
            (Executor.VECTOR, vector, self.vector), (Executor.MATRIX, matrix, self.matrix),
            (Executor.READ, read, self.read), (Executor.WRITE, write, self.write),
        )):  # fmt: skip
            queue = add_queue(m, f"queue_{index}", job.shape(), p.threads, self.clear)
            m.d.comb += [
                queue.i.valid.eq(pushed & (word.executor == executor)), queue.i.payload.eq(job),
                self.issued[index].eq(queue.i.valid),
            ]  # fmt: skip
            # A second queue, since units choose, or end a job, late in a cycle.
            offered = add_queue(m, f"offered_{index}", job.shape(), 2, self.clear)
            m.d.comb += [
                offered.i.payload.eq(queue.o.payload),
                offered.i.valid.eq(queue.o.valid & ~self.halt),
                queue.o.ready.eq(offered.i.ready & ~self.halt),
            ]
            connect(m, offered.o, flipped(port))

"""Order of the matrix unit's work: blocks of rows, column tiles, row tiles, rows."""

from __future__ import annotations

from math import log2

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .jobs import TILE_BITS, matrix_job
from .parameters import GnnParameters

__all__ = ["MatrixWalk", "needs_two_words", "row_step"]


def needs_two_words(p: GnnParameters) -> bool:
    """Whether ``columns`` results of 16 bits fill two words."""
    return 2 * p.columns > p.lanes


def row_step(p: GnnParameters) -> data.StructLayout:
    """What a row of activations is, on its way to its results.

    ``valid``: there is one; its ``address`` and which ``part`` of R bytes; ``first`` and ``last``
    of the tiles that are summed up, in place ``sum`` of the partial sums; then where results go,
    ``d_part`` counting parts of C bytes, and by which ``bias`` and constant. The job ``ends``.
    """
    return data.StructLayout({
        "valid": 1, "ends": 1, "thread": 4, "address": p.local_bits,
        "part": _bits(p.lanes // p.rows), "first": 1, "last": 1,
        "sum": range(p.psum_rows), "bias": range(p.bias_words),
        "m": 16, "s": 6, "relu": 1, "wide": 1, "d_address": p.local_bits,
        "d_part": _bits(p.lanes // p.columns),
    })  # fmt: skip


class MatrixWalk(Unit):
    """Walk through jobs: for blocks of up to PS rows, for ``n_tile``, for ``k_tile``, for rows.

    Members
    -------
    job : In(stream of matrix_job)
        One is taken while the one before it is at work.
    step : Out(row_step)
        A row, two cycles after the state that made it.
    begins : Out(1)
        Beside the step that begins a tile: the weights read until now are its weights.
    load : Out(1), load_address : Out(range(weight_words))
        A word of the next tile's weights is to be read.
    busy : Out(1)
        In ``max(rows of the block, R)`` cycles for each tile.

    Notes
    -----
    The weights of the next tile, or of the next job's first one, are read beside the present one,
    so that tiles follow one another without a gap, but for a cycle between jobs of a single tile of
    up to R rows. Where results of 16 bits fill two words, rows
    of the last ``k_tile`` come in every other cycle; the cycles between are not ``busy``.
    A job without rows is a tile without rows.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            "job": In(stream.Signature(matrix_job(p))), "step": Out(row_step(p)), "begins": Out(1),
            "load": Out(1), "load_address": Out(range(p.weight_words)), "busy": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        job = Signal(matrix_job(p))
        following = Signal(matrix_job(p))
        waiting = Signal()
        active = Signal()
        # Position in the job, and what it means: flags are registers, made ahead.
        row = Signal(range(max(p.psum_rows, p.rows)))
        k_tile = Signal(TILE_BITS)
        n_tile = Signal(TILE_BITS)
        first = Signal()
        k_ends = Signal()
        n_ends = Signal()
        inside = Signal()
        at_last = Signal()
        between = Signal()
        paced = Signal()
        slow = Signal()
        in_row = Signal()
        row_ends = Signal()
        job_ends = Signal()
        block_changes = Signal()
        block = Signal(_block(p))
        coming = Signal(_block(p))
        m.d.comb += [
            job_ends.eq((k_ends & n_ends & block.ends) | block.empty),
            in_row.eq(active & inside & ~between),
            row_ends.eq(active & (~paced | between) & at_last),
            block_changes.eq(row_ends & k_ends & n_ends),
        ]  # fmt: skip
        if needs_two_words(p):
            m.d.comb += paced.eq(slow & inside)
            m.d.sync += between.eq(active & paced & ~between)
        with m.If(active & (~paced | between)):
            m.d.sync += [
                row.eq(row + 1), inside.eq(inside & (row + 1 != block.rows)),
                at_last.eq(row + 1 == block.last_row),
            ]  # fmt: skip

        begin = Signal()
        block_taken = Signal()
        loaded = Signal()
        # What counts at the end of a tile is made beside it, since it comes late in its cycle.
        can_begin = Signal()
        wakes = Signal()
        tile_taken = Signal()
        m.d.comb += [
            can_begin.eq(waiting & loaded), wakes.eq(can_begin & ~active),
            begin.eq(wakes | (row_ends & (can_begin & job_ends))),
            tile_taken.eq(wakes | (row_ends & (can_begin | ~job_ends))),
            block_taken.eq(wakes | (row_ends & (job_ends | (k_ends & n_ends)))),
            self.job.ready.eq(~waiting),
        ]
        self._load(m, job, following, ~active | job_ends, waiting, k_ends & n_ends, tile_taken,
                   loaded)  # fmt: skip

        # Rows of the block: of the operand and of the result, and where the block began.
        origins = {}
        for name in ("a", "d"):
            base, here, start = (
                following[f"{name}_base"], Signal(p.local_bits, name=f"{name}_row"),
                Signal(p.local_bits, name=f"{name}_block"),
            )  # fmt: skip
            after = Signal(p.local_bits, name=f"{name}_after")
            m.d.comb += after.eq(Mux(in_row, here + job.stride, here))
            m.d.sync += here.eq(after)
            with m.If(row_ends):
                m.d.sync += here.eq(Mux(k_ends & n_ends, after, start))
            with m.If(block_changes):
                m.d.sync += start.eq(after)
            with m.If(begin):
                m.d.sync += [here.eq(base), start.eq(base)]
            origins[name] = here

        self._look_ahead(m, Mux(~active | block.ends, following.rows, block.left - p.psum_rows),
                         coming)  # fmt: skip
        with m.If(row_ends):
            m.d.sync += [inside.eq(~block.empty), at_last.eq(block.single)]
            with m.If(job_ends):
                m.d.sync += active.eq(0)
        with m.If(row_ends | wakes):
            m.d.sync += row.eq(0)
        with m.If(begin):
            m.d.sync += [job.eq(following), waiting.eq(0), active.eq(1)]
        with m.If(self.job.valid & self.job.ready):
            m.d.sync += [following.eq(self.job.payload), waiting.eq(1)]
        with m.If(block_taken):
            m.d.sync += [
                block.eq(coming), inside.eq(~coming.empty), at_last.eq(coming.single),
            ]  # fmt: skip
        for name, tile, ends, advances in (
            ("k_tile", k_tile, k_ends, row_ends), ("n_tile", n_tile, n_ends, row_ends & k_ends),
        ):  # fmt: skip
            near, only, only_following = (
                Signal(name=f"{name}_{what}") for what in ("near", "only", "only_following")
            )
            m.d.sync += [
                near.eq(tile + 2 == job[f"{name}s"]), only.eq(job[f"{name}s"] == 1),
                only_following.eq(following[f"{name}s"] == 1),
            ]  # fmt: skip
            with m.If(advances):
                m.d.sync += [tile.eq(Mux(ends, 0, tile + 1)), ends.eq(Mux(ends, only, near))]
            with m.If(begin):
                m.d.sync += [tile.eq(0), ends.eq(only_following)]
            if name == "k_tile":
                with m.If(advances):
                    m.d.sync += slow.eq(job.wide & Mux(ends, only, near))
                with m.If(begin):
                    m.d.sync += slow.eq(following.wide & only_following)
        with m.If(begin | row_ends):
            m.d.sync += first.eq(begin | k_ends)

        self._emit(m, job, origins, row, k_tile, n_tile, in_row, row_ends & job_ends, first,
                   k_ends, active & (row == 0) & ~between)  # fmt: skip
        m.d.sync += self.busy.eq(active & ~between & ~block.empty)
        return m

    def _look_ahead(self, m: Module, rows: Value, coming: data.View) -> None:
        """Make the next block of the rows that are left then, within two cycles.

        A tile is R cycles or more, and so is the time to load the first weights of a new job.
        """
        p = self.p
        left = Signal(16)
        m.d.sync += [
            left.eq(rows), coming.left.eq(left), coming.empty.eq(left == 0),
            coming.ends.eq(left <= p.psum_rows),
        ]  # fmt: skip
        single = p.rows == 1
        with m.If(left > p.psum_rows):
            m.d.sync += [
                coming.rows.eq(p.psum_rows), coming.last_row.eq(p.psum_rows - 1),
                coming.single.eq(p.psum_rows == 1),
            ]
        with m.Else():
            last = Mux(left > p.rows, left - 1, p.rows - 1)
            m.d.sync += [
                coming.rows.eq(left), coming.last_row.eq(Mux(left == 0, 0, last)),
                coming.single.eq((left == 0) | ((left <= 1) & single)),
            ]

    def _load(
        self, m: Module, job: Value, following: Value, new: Value, waiting: Value, again: Value,
        taken: Value, loaded: Value,
    ) -> None:  # fmt: skip
        """Read the weights of the tile to come: of a new job, of the first tile again, or on."""
        rows = self.p.rows
        count = Signal(range(rows + 1))
        place = Signal.like(self.load_address)
        wanted = Signal()
        address = Signal.like(self.load_address)
        full = Signal()
        m.d.comb += [wanted.eq(~full & (~new | waiting)), address.eq(place)]
        with m.If(count == 0):
            with m.If(new):
                m.d.comb += address.eq(following.weight)
            with m.Elif(again):
                m.d.comb += address.eq(job.weight)
        # ``loaded`` from the last word on, whose data come in time; it counts where one is waiting.
        with m.If(wanted):
            m.d.sync += [
                place.eq(address + 1), count.eq(count + 1), full.eq(count == rows - 1),
                loaded.eq(count + 2 >= rows),
            ]
        with m.If(taken):
            m.d.sync += [count.eq(0), full.eq(0), loaded.eq(rows == 1)]
        # Two cycles, as a step takes.
        address_held = Signal.like(self.load_address)
        wanted_held = Signal()
        m.d.sync += [
            address_held.eq(address), wanted_held.eq(wanted),
            self.load_address.eq(address_held), self.load.eq(wanted_held),
        ]  # fmt: skip

    def _emit(
        self, m: Module, job: Value, origins: dict[str, Value], row: Value, k_tile: Value,
        n_tile: Value, in_row: Value, ends: Value, first: Value, last: Value, begins: Value,
    ) -> None:  # fmt: skip
        """Registers of the position, then of the addresses that it makes."""
        p = self.p
        held = Signal(row_step(p), reset_less=True)
        valid = Signal()
        ended = Signal()
        begun = Signal()
        k_held = Signal(TILE_BITS, reset_less=True)
        n_held = Signal(TILE_BITS, reset_less=True)
        m.d.sync += [
            valid.eq(in_row), ended.eq(ends), begun.eq(begins), k_held.eq(k_tile),
            n_held.eq(n_tile), held.thread.eq(job.thread), held.address.eq(origins["a"]),
            held.first.eq(first), held.last.eq(last), held.sum.eq(row),
            held.bias.eq(job.bias), held.m.eq(job.constant.m), held.s.eq(job.constant.s),
            held.relu.eq(job.relu), held.wide.eq(job.wide), held.d_address.eq(origins["d"]),
        ]
        a_parts, d_parts = (int(log2(p.lanes // size)) for size in (p.rows, p.columns))
        step = self.step
        m.d.sync += [
            step.eq(held), self.begins.eq(begun), step.valid.eq(valid), step.ends.eq(ended),
            step.address.eq(held.address + (k_held >> a_parts)), step.part.eq(k_held[:a_parts]),
            step.bias.eq(held.bias + n_held),
        ]
        with m.If(held.wide):
            # Results of 16 bits are two parts.
            parts = n_held << 1
            m.d.sync += [
                step.d_address.eq(held.d_address + (parts >> d_parts)),
                step.d_part.eq(parts[:d_parts]),
            ]
        with m.Else():
            m.d.sync += [
                step.d_address.eq(held.d_address + (n_held >> d_parts)),
                step.d_part.eq(n_held[:d_parts]),
            ]


def _block(p: GnnParameters) -> data.StructLayout:
    """A block: rows that are left with it; its own; the last row of a tile, and whether it is the
    first; whether it is the last block of its job, and whether there are no rows.
    """
    return data.StructLayout({
        "left": 16, "rows": range(p.psum_rows + 1), "last_row": range(max(p.psum_rows, p.rows)),
        "single": 1, "ends": 1, "empty": 1,
    })  # fmt: skip


def _bits(choices: int) -> int:
    """Bits that choose; a field may have none."""
    return int(log2(choices))

"""salo in the demo: a layer of sparse attention that reads handwritten digits, on an 8x8 array.

Train, schedule the mask with its certificate, quantise queries, keys and values of every head, emit
the engine, run every head through its Verilog, compare with the golden machine and the cycles of
the schedule, and read the digits with what came out. Beside it stand masks of published models on
a 32x32 array, as the scheduler has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...generators.build import build_design
from ...generators.salo import generator
from ...generators.salo.config import SaloConfig
from ...generators.salo.design import Engine
from ...generators.salo.pattern import Pattern
from ...generators.salo.program import Program, write_program
from ...generators.salo.schedule import Schedule, make_schedule
from ...generators.salo.shape import ArrayShape
from ...generators.salo.terms import Band, GlobalColumns, GlobalRows
from ...golden.salo.formats import HW8
from ...golden.salo.machine import Operands, Result
from ..salo.attention import RealOperands, quantize_operands, run_model
from ..salo.module import project
from ..salo.picture import draw
from ..salo.rtl import RtlRuns
from . import digits, salo_page, salo_tables
from .job import STALL, Job, told_of
from .salo_network import Network, pattern, train
from .section import Section

__all__ = ["MASKS", "Settings", "section"]

_TOKENS = 4096

MASKS: Mapping[str, Pattern] = {
    "Longformer, window 513, a global token": Pattern(
        _TOKENS, _TOKENS, [Band(-256, 256), GlobalColumns([0]), GlobalRows([0])]
    ),
    "the same, every second token": Pattern(
        _TOKENS, _TOKENS, [Band(-512, 512, 2), GlobalColumns([0]), GlobalRows([0])]
    ),
    "causal window of 1024, four sinks": Pattern(
        _TOKENS, _TOKENS, [Band(-1023, 0), GlobalColumns(range(4))], causal=True
    ),
    "all tokens before": Pattern(1024, 1024, [Band(-1023, 0)], causal=True),
}
"""Masks at full size, by title."""

_LARGE = ArrayShape(rows=32, cols=32, segments=2, gather=1, global_rows=1)
_HEAD = 64


@dataclass(frozen=True)
class Settings:
    """Size of the job.

    Attributes
    ----------
    network
        The network, and how it is trained.
    samples
        Held-out digits in the row that is read; all of them if None.
    rows, cols
        Of the array.
    masks
        Those that are scheduled at full size.
    """

    network: Network = field(default_factory=Network)
    samples: int | None = None
    rows: int = 8
    cols: int = 8
    masks: Mapping[str, Pattern] = field(default_factory=lambda: MASKS)


def section(settings: Settings | None = None) -> Section:
    """Return the demo of salo."""
    return Section(
        title="salo: sparse attention over a long row of digits",
        template="salo.html",
        job=partial(_Job, settings or Settings()),
        tables=salo_tables.tables,
        view=salo_page.view,
    )


class _Job(Job[Settings]):
    def steps(self) -> None:
        network = self.settings.network
        data = digits.load(self.settings.samples)
        with digits.one_thread():
            with self.timed("training"):
                reader = train(
                    data, network, self.seed, partial(self.progress, "training, epochs")
                )
            with torch.no_grad():
                tokens = reader.norm(reader.tokens(data.test_pixels))
                exact = reader(data.test_pixels)
            operands, _ = project(reader.attention, tokens)
            with self.timed("schedule"):
                schedule = self._schedule(len(data.test_labels))
            heads = self._engine(schedule, operands)
            with torch.no_grad():
                mixed = heads.transpose(0, 1).flatten(1).float()
                read = reader.read(data.test_pixels, lambda _: mixed)
            self._tell_accuracy(data, exact, read)
        with self.timed("schedules at full size"):
            self._masks()

    def _schedule(self, count: int) -> Schedule:
        """Schedule the row's mask, and draw it."""
        s = self.settings
        mask = pattern(count, s.network.window)
        shape = ArrayShape(rows=s.rows, cols=s.cols)
        schedule = make_schedule(mask, shape, dk=s.network.head, dv=s.network.head)
        draw(schedule, self.folder / "mask.png", f"{mask.queries} tokens on {s.rows} x {s.cols}")
        self.report |= {
            "source": digits.SOURCE,
            "network": asdict(s.network),
            "digits": count,
            "tokens": mask.queries,
            "picture": "mask.png",
            "array": asdict(shape) | {"multipliers": shape.multipliers},
            "schedule": schedule.report.table(),
        }
        return schedule

    def _engine(self, schedule: Schedule, operands: RealOperands) -> Tensor:
        """Run every head on the Verilog; return the outputs [heads, tokens, d] in real units."""
        shape, mask = schedule.tiles.shape, schedule.pattern
        values = {
            "rows": shape.rows, "cols": shape.cols, "dk_max": schedule.dk, "dv_max": schedule.dv,
            "max_tokens": mask.queries,
        }  # fmt: skip
        config = SaloConfig.model_validate(values)
        limits = Engine.made_of(config).shift_range
        quantized, _ = quantize_operands(operands, None, HW8, shifts=limits)
        program = Program.of(schedule, quantized.shifts[0])
        words = len(write_program(program)) // 8
        config = config.model_copy(update={"program_words": words})
        row: dict[str, Any] = {}
        self.report["design"] = row
        folder = f"engine-{shape.rows}x{shape.cols}"
        build = self.compiled(
            "attention engine", [folder],
            lambda name: build_design(generator, config, self.folder / name),
        )[folder]  # fmt: skip
        row |= told_of(build, folder) | {"program_words": words}
        seen: list[tuple[Operands, Operands | None, Result]] = []
        runs = RtlRuns(build, program, seed=self.seed)

        def beside(rows: Operands, riders: Operands | None, expected: Result) -> None:
            seen.append((rows, riders, expected))
            runs.run(rows, riders, expected)

        with self.timed("simulation"):
            done = run_model(
                mask, program.tiles, operands, HW8, shifts=(program.shift,) * 2, beside=beside,
                progress=lambda what, share: self.progress(what, share, 1.0),
            )  # fmt: skip
            stalled = RtlRuns(build, program, stall=STALL, seed=self.seed)
            stalled.run(*seen[0])
        row |= runs.figures | {"stalled": stalled.figures | {"stall": STALL}}
        self.report["attention"] = {
            name: getattr(done, name) for name in (
                "shift", "error", "quantiser_error", "datapath_error", "largest_error",
                "exponent_saturated", "output_saturated",
            )
        }  # fmt: skip
        return done.outputs

    def _tell_accuracy(self, data: digits.Digits, exact: Tensor, read: Tensor) -> None:
        self.report["accuracy"] = {
            name: {
                "correct": int((scores.argmax(dim=1) == data.test_labels).sum()),
                "samples": len(data.test_labels),
                "largest_difference": float((scores - exact).abs().max()),
            }
            for name, scores in (("float32", exact), ("engine", read))
        }

    def _masks(self) -> None:
        """Schedule the masks at full size, each with its certificate."""
        self.report["masks"] = {}
        self.report["large"] = asdict(_LARGE) | {"multipliers": _LARGE.multipliers, "head": _HEAD}
        for name in self.counted("scheduling masks at full size", self.settings.masks):
            mask = self.settings.masks[name]
            self.report["masks"][name] = make_schedule(
                mask, _LARGE, dk=_HEAD, dv=_HEAD
            ).report.table()

"""salo: use of the multipliers, time to schedule, error, cycles of the Verilog, area.

Masks are those of the brief's section 5.4, at full size. Standard cells are Nangate45, read from
GATEWRIGHT_LIBERTY or from shared/liberty beside the project, else of the built-in technology file
(without the targets, which are of Nangate45).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from flint_area import target
from rows import Row, row
from tpe_units import Workshop

from gatewright.flows.salo.attention import RealOperands, run_model
from gatewright.flows.salo.rtl import RtlRuns
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.salo import generator
from gatewright.generators.salo.config import FORMATS, SaloConfig
from gatewright.generators.salo.design import Engine
from gatewright.generators.salo.importers.vision import from_swin, from_vil
from gatewright.generators.salo.program import Program
from gatewright.generators.salo.schedule import Schedule, make_schedule
from gatewright.generators.salo.search import search_shapes
from gatewright.generators.salo.shape import ArrayShape
from gatewright.hw.salo.processing_element import ProcessingElement
from gatewright.hw.salo.weighted_sum import WeightedSum, WeightedSumParameters
from gatewright.tests.generators.salo.patterns import FULL_SIZE

SHAPE = ArrayShape(rows=32, cols=32, segments=2, gather=1, global_rows=1)
GOALS = {
    "longformer 513": 0.92, "bigbird": 0.92, "dilated 4": 0.92, "dilated 2": 0.92,
    "streaming": 0.92, "dense": 0.92, "causal": 0.89, "vil 1": 0.76, "vil 2": 0.69,
    "strided": 0.68, "fixed": 0.75,
}  # fmt: skip
"""Least utilisation on 32 x 32."""

ERRORS = {"hw8": 0.004, "hw12": 0.0005}
"""Largest relative L2 error."""

ENGINE = ("rows=8", "cols=8", "dk_max=32", "dv_max=32", "max_tokens=4096")


def run() -> list[Row]:
    schedules = {
        name: make_schedule(make(), SHAPE, dk=d, dv=d)
        for name, (make, d, *_) in FULL_SIZE.items()
    }
    rows = [*_utilisation(schedules), *_search(), *_times(), *_errors(schedules)]
    with tempfile.TemporaryDirectory() as folder:
        rows += [*_cycles(Path(folder)), *_areas(Path(folder))]
    return rows


def _utilisation(schedules: dict[str, Schedule]) -> Iterator[Row]:
    for name, schedule in schedules.items():
        title = f"utilisation on 32 x 32, 2 segments, 1 gather column: {name}"
        yield row(title, schedule.report.utilisation, "of the bound", target=GOALS.get(name))


def _search() -> Iterator[Row]:
    for name, pattern, multipliers, d, goal in (
        ("swin", from_swin(56, 56, 7), 1280, 32, 0.94),
        ("vil 1", from_vil(56, 56, 15), 1344, 64, 0.80),
    ):
        best = search_shapes(pattern, multipliers, dk=d)[0]
        title = f"utilisation of the best shape with {multipliers} multipliers: {name}"
        yield row(title, best.report.utilisation, "of the bound", target=goal)


def _times() -> Iterator[Row]:
    for tokens, most in ((4096, 2.0), (65536, 60.0)):
        code = (
            "from gatewright.generators.salo.schedule import make_schedule\n"
            "from gatewright.generators.salo.shape import ArrayShape\n"
            "from gatewright.tests.generators.salo.patterns import longformer\n"
            "import resource, time\n"
            "shape = ArrayShape(rows=32, cols=32, segments=2, gather=1, global_rows=1)\n"
            f"pattern = longformer({tokens})\n"
            "began = time.process_time()\n"
            "make_schedule(pattern, shape, dk=64, dv=64)\n"
            "print(time.process_time() - began)\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        seconds, kib = map(float, ended.stdout.split())
        name = f"schedule and certificate, Longformer, {tokens} tokens"
        yield row(name, seconds, "s", target=most, at_most=True)
        yield row(f"{name}: memory of the process", kib / 1024, "MiB")


def _errors(schedules: dict[str, Schedule]) -> Iterator[Row]:
    """The worst of all masks, against exact attention of the same integers."""
    for numbers, most in ERRORS.items():
        found = {}
        for name, schedule in schedules.items():
            pattern = schedule.pattern
            draw = torch.Generator().manual_seed(1)
            operands = RealOperands(*(
                torch.randn((1, count, schedule.dk), generator=draw)
                for count in (pattern.queries, pattern.keys, pattern.keys)
            ))  # fmt: skip
            done = run_model(pattern, schedule.tiles, operands, FORMATS[numbers])
            found[name] = done.datapath_error
        worst = max(found, key=lambda name: found[name])
        title = f"{numbers}: relative L2 error, worst of {len(found)} masks ({worst})"
        yield row(title, found[worst], "", target=most, at_most=True)


def _cycles(folder: Path) -> Iterator[Row]:
    """Cycles of the simulated Verilog over those of the schedule, for every mask at 8 x 8."""
    config = load_config(SaloConfig, None, [*ENGINE, "program_words=524288"])
    build = build_design(generator, config, folder / "engine")
    engine = Engine.of(build.manifest)
    ratios, simulated, seconds = [], 0, 0.0
    for make, *_ in FULL_SIZE.values():
        schedule = make_schedule(make(), engine.shape, dk=32, dv=32)
        draw = torch.Generator().manual_seed(1)
        operands = RealOperands(*(
            torch.randn((1, schedule.pattern.queries, 32), generator=draw) for _ in range(3)
        ))  # fmt: skip
        program = Program.of(schedule, sum(engine.shift_range) // 2)
        runs = RtlRuns(build, program)
        run_model(
            schedule.pattern, schedule.tiles, operands, engine.numbers,
            shifts=(program.shift,) * 2, beside=runs.run,
        )  # fmt: skip
        ratios.append(runs.cycles / runs.due)
        simulated, seconds = simulated + runs.simulated, seconds + runs.seconds
    name = f"cycles of the Verilog over those of the schedule, 8 x 8, worst of {len(ratios)} masks"
    yield row(name, max(ratios), "", target=1.0, at_most=True)
    yield row("batched simulation, 8 x 8", simulated / seconds, "cycles/s")


def _areas(folder: Path) -> Iterator[Row]:
    cells, unit = target()
    shop = Workshop(folder, cells)
    nangate = unit == "um2"
    library = "Nangate45" if nangate else "built-in technology"
    config = load_config(SaloConfig, None, [])
    array = Engine.made_of(config).p.array
    element = shop.cells(ProcessingElement(array.datapath))
    slowest = 1.6 if nangate else 1e9
    point = min(
        (each for each in element["pareto"] if each["delay"] <= slowest),
        key=lambda each: each["area"],
    )
    path = element["delay_unit"]
    yield row(f"{library}, processing element: area", point["area"], unit,
              target=2450 if nangate else None, at_most=True)  # fmt: skip
    yield row(f"{library}, processing element: critical path", point["delay"], path,
              target=1.6 if nangate else None, at_most=True)  # fmt: skip
    for name, words in (("with 64 words in flip-flops", 64), ("with a word", 1)):
        p = WeightedSumParameters(datapath=array.datapath, dv_max=words)
        module = shop.cells(WeightedSum(p))
        most = (10_000 if words > 1 else None) if nangate else None
        yield row(f"{library}, weighted-sum module, {name}: area", module["area"], unit,
                  target=most, at_most=True)  # fmt: skip
        yield row(f"{library}, weighted-sum module, {name}: critical path", module["delay"], path,
                  target=point["delay"], at_most=True)  # fmt: skip

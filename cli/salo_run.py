"""The work behind ``gatewright salo run``."""

from __future__ import annotations

import io
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..flows.salo.attention import ModelRun, RealOperands, quantize_operands, run_model
from ..generators.artifacts import Build, write_bytes, write_json
from ..generators.checks import check_range
from ..generators.config import load_config
from ..generators.flint.tensor_files import read_npy
from ..generators.salo import generator
from ..generators.salo.certificate import certify
from ..generators.salo.config import FORMATS, SaloConfig
from ..generators.salo.design import Engine
from ..generators.salo.pattern import Pattern, Progress
from ..generators.salo.program import Program, read_program, write_program
from ..generators.salo.report import cycles, lower_bound
from ..generators.salo.schedule import make_schedule
from ..generators.salo.shape import MAX_HEAD, ArrayShape
from ..golden.salo.formats import Format
from .console import Console
from .salo_pattern import read_pattern
from .salo_schedule import check_out, counted
from .source import default_folder

if TYPE_CHECKING:
    from torch import Tensor

    from ..flows.salo.rtl import RtlRuns

__all__ = ["Sources", "run_attention"]


@dataclass(frozen=True)
class Sources:
    """Files of the operands, and of those of global queries if they have their own."""

    q: Path
    k: Path
    v: Path
    global_q: Path | None
    global_k: Path | None
    global_v: Path | None


def run_attention(
    console: Console, sources: Sources, pattern_text: str, program_file: Path | None,
    shape: ArrayShape, numbers: str, scale: float | None, out: Path | None, *, rtl: bool,
    folder: Path | None,
) -> None:  # fmt: skip
    """Run, compare, write what is asked and tell about it."""
    check_out(out)
    if folder is not None and not rtl:
        raise InputError("sim must be rtl for --build, not model")
    if scale is not None and not 0 < scale < math.inf:
        raise InputError(f"scale must be a positive number, not {scale:g}")
    fmt = FORMATS[numbers]
    rows, riders = _operands(sources, shape)
    pattern = read_pattern(pattern_text)
    _check(pattern, rows)
    heads, _, dk = rows.q.shape
    dv = rows.v.shape[2]
    for name, value in (("dk", dk), ("dv", dv)):
        check_range(name, value, 1, MAX_HEAD)
    config = _config(shape, numbers, pattern, dk, dv)
    given = None if folder is None or not folder.exists() else Build.load(folder)
    engine = Engine.made_of(config) if given is None else Engine.of(given.manifest)
    with console.progress() as progress:
        tell = counted(progress)
        limits = engine.shift_range
        if program_file is None:
            quantized, _ = quantize_operands(rows, riders, fmt, scale=scale, shifts=limits)
            schedule = make_schedule(pattern, shape, dk=dk, dv=dv, progress=tell)
            program = Program.of(schedule, quantized.shifts[0], fmt)
        else:
            program = _read(program_file, pattern, shape, fmt, dk, dv, tell)
        verilog = _verilog(console, config, given, folder, program) if rtl else None
        done = run_model(
            pattern, program.tiles, rows, fmt, riders=riders, scale=scale,
            shifts=(program.shift,) * 2, beside=verilog.run if verilog else None, progress=tell,
        )  # fmt: skip
    told = _report(pattern_text, pattern, program, done, heads, numbers, verilog)
    if out is not None:
        data = io.BytesIO()
        np.lib.format.write_array(data, done.outputs.float().numpy(), version=(1, 0))
        write_bytes(out / "outputs.npy", data.getvalue())
        write_bytes(out / "program.bin", write_program(program))
        write_json(out / "report.json", told)
    console.document(told)
    _tell(console, told)
    if out is not None:
        console.say(f"written: {out}: outputs.npy, program.bin, report.json")


def _config(
    shape: ArrayShape, numbers: str, pattern: Pattern, dk: int, dv: int
) -> SaloConfig:
    """The smallest engine of the shape that holds the job, or nearly so for the model alone."""
    tile = shape.cols + max(shape.gather, shape.global_rows)
    values = asdict(shape) | {
        "numbers": numbers, "dk_max": max(2, dk), "dv_max": max(dv, tile - 2 - dk),
        "max_tokens": max(2, pattern.queries, pattern.keys),
    }  # fmt: skip
    return load_config(SaloConfig, None, [f"{name}={value}" for name, value in values.items()])


def _verilog(
    console: Console, config: SaloConfig, given: Build | None, folder: Path | None,
    program: Program,
) -> RtlRuns:  # fmt: skip
    """The engine's Verilog, emitted unless it is there, with the program."""
    from ..flows.salo.rtl import RtlRuns
    from ..flows.simulation.verilator import toolchain
    from ..generators.build import build_design

    toolchain()  # a missing simulator is told before anything is written
    if given is None:
        words = max(16, len(write_program(program)) // 8)
        config = config.model_copy(update={"program_words": words})
        Engine.made_of(config).check(program)
        console.note("emitting and compiling the engine")
        given = build_design(generator, config, folder or default_folder(generator, config))
    return RtlRuns(given, program)


def _operands(sources: Sources, shape: ArrayShape) -> tuple[RealOperands, RealOperands | None]:
    own = RealOperands(_tensor(sources.q), _tensor(sources.k), _tensor(sources.v))
    given = sources.global_q, sources.global_k, sources.global_v
    present = [path for path in given if path is not None]
    if not present:
        return own, None
    if len(present) < len(given):
        raise InputError(
            "global-q, global-k and global-v must be given together, not only "
            + " and ".join(map(str, present))
        )
    if shape.global_row_kv != "private":
        raise InputError("global-row-kv must be private for --global-q, not shared")
    return own, RealOperands(*map(_tensor, present))


def _tensor(path: Path) -> Tensor:
    tensor = read_npy(path)
    if tensor.ndim == 2:
        tensor = tensor[None]
    if tensor.ndim != 3 or 0 in tensor.shape:
        raise InputError(
            f"{path} must be [tokens, d] or [heads, tokens, d], not {list(tensor.shape)}"
        )
    return tensor


def _check(pattern: Pattern, rows: RealOperands) -> None:
    for name, count in (("Q", pattern.queries), ("K", pattern.keys), ("V", pattern.keys)):
        tokens = getattr(rows, name.lower()).shape[1]
        if tokens != count:
            raise InputError(f"{name} must have the {count} tokens of the pattern, not {tokens}")


def _read(
    path: Path, pattern: Pattern, shape: ArrayShape, fmt: Format, dk: int, dv: int, tell: Progress
) -> Program:
    """Read a program, and prove that it computes the pattern."""
    program = read_program(path.read_bytes(), shape=shape, numbers=fmt)
    for name, own, wanted in (
        ("dk", program.dk, dk), ("dv", program.dv, dv),
        ("queries", program.queries, pattern.queries),
        ("keys", program.tiles.key_count, pattern.keys),
    ):  # fmt: skip
        if own != wanted:
            raise InputError(f"{name} of {path} must be {wanted} as in the operands, not {own}")
    certify(program.tiles, pattern, tell)
    return program


def _report(
    source: str, pattern: Pattern, program: Program, done: ModelRun, heads: int, numbers: str,
    verilog: RtlRuns | None,
) -> dict[str, Any]:
    shape = program.tiles.shape
    tiles = heads * len(program.tiles)
    taken = cycles(tiles, shape, program.dk, program.dv)
    bound = lower_bound(heads * pattern.allowed, shape, program.dk, program.dv)
    return {
        "format": "gatewright-report",
        "version": 1,
        "step": "salo-run",
        "verdict": "pass",
        "ran": "golden model of the machine, bit-exact; no RTL" if verilog is None
        else "RTL, equal to the golden model of the machine",
        "rtl": verilog and verilog.figures,
        "pattern": source,
        "queries": pattern.queries,
        "keys": pattern.keys,
        "heads": heads,
        "dk": program.dk,
        "dv": program.dv,
        "allowed": pattern.allowed,
        "array": asdict(shape) | {"multipliers": shape.multipliers},
        "numbers": numbers,
        "shift": done.shift,
        "tiles": tiles,
        "cycles": taken,
        "bound": bound,
        "utilisation": bound / taken,
        "error": done.error,
        "quantiser_error": done.quantiser_error,
        "datapath_error": done.datapath_error,
        "largest_error": done.largest_error,
        "exponent_saturated": done.exponent_saturated,
        "output_saturated": done.output_saturated,
    }


def _tell(console: Console, told: dict[str, Any]) -> None:
    rtl = told["rtl"]
    if rtl is None:
        console.say("ran: the golden model of the machine, bit-exact; --sim rtl runs the Verilog")
    else:
        waits = f" ({rtl['reason_to_wait']})" if rtl["reason_to_wait"] else ""
        console.say(
            f"ran: the Verilog of {rtl['build']}: {rtl['outputs']:,} outputs equal to the golden "
            f"model's; {rtl['cycles']:,} cycles a head, {rtl['due']:,} due{waits}; simulated at "
            f"{rtl['rate']:,} cycles/s"
        )
    console.say(
        f"attention: {told['heads']} heads, {told['queries']:,} queries, {told['keys']:,} keys, "
        f"{told['allowed']:,} allowed pairs each, every one computed once: checked"
    )
    console.say(
        f"cycles, as scheduled: {told['cycles']:,} for {told['tiles']:,} tiles, utilisation "
        f"{told['utilisation']:.1%} of {told['array']['multipliers']:,} multipliers"
    )
    console.table(
        "Relative L2 error",
        ["of", "against", "error"],
        [
            ["outputs", "PyTorch, real operands in float64", f"{told['error']:.4%}"],
            ["exact attention of the integers", "the same", f"{told['quantiser_error']:.4%}"],
            [
                "outputs", "exact attention of the integers",
                f"{told['datapath_error']:.4%}, at most {told['largest_error']:.3f} units of v",
            ],
        ],
    )  # fmt: skip

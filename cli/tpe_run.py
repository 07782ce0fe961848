"""The work behind ``gatewright tpe run``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..generators.artifacts import write_bytes
from ..generators.config import load_config
from ..generators.tpe import generator
from ..generators.tpe.choose import Choice, choose, encoded_rows
from ..generators.tpe.config import TpeConfig
from ..generators.tpe.engine import Array, Engine
from ..generators.tpe.matrix_files import read_matrix, read_operand
from .console import Console
from .source import default_folder

if TYPE_CHECKING:
    from ..flows.simulation.products import ProductRun

__all__ = ["run_product"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Job:
    """What is computed: ``left right + plus``, and the transpose of that if it is swapped."""

    config: TpeConfig
    left: Integers
    right: Integers
    plus: Integers | None
    choice: Choice | None

    @property
    def swapped(self) -> bool:
        return self.choice is not None and self.choice.best.operand == "b"


def run_product(
    console: Console, a: Path, b: Path, plus: Path | None, file: Path | None,
    params: Sequence[str], *, auto: bool, out: Path, folder: Path | None,
) -> None:  # fmt: skip
    """Multiply, check, write the product and tell about it."""
    job = _job(a, b, plus, file, params, auto)
    _check_out(out)
    from ..flows.simulation.products import multiply
    from ..flows.simulation.verilator import toolchain
    from ..generators.build import build_design

    toolchain()  # a missing simulator is told before anything is written
    console.note(f"emitting and compiling {job.config.array}")
    place = folder or default_folder(generator, job.config)
    build = build_design(generator, job.config, place)
    with console.progress() as progress:
        done = multiply(build, job.left, job.right, job.plus, progress=progress)
    product = done.result.T if job.swapped else done.result
    engine = Engine.of(build.manifest)
    _write(out, product.astype(np.int32 if engine.result_bits <= 32 else np.int64))
    console.document(_document(job, engine, done, out, build.folder))
    _tell(console, job, engine, done, out)


def _job(
    a: Path, b: Path, plus: Path | None, file: Path | None, params: Sequence[str], auto: bool
) -> _Job:
    given = [param.partition("=")[0].strip() for param in params]
    if auto and file is None and "array" not in given:
        params = ["array=digit_serial", *params]
    config = load_config(TpeConfig, file, params)
    if auto and config.array is not Array.DIGIT_SERIAL:
        raise InputError(f"array must be digit_serial for --auto, not {config.array.value!r}")
    if auto and config.encoding is not None:
        raise InputError(
            f"encoding must be left out for --auto, not {config.encoding.value!r}"
        )
    left = read_operand(a, "a", config.a_width, config.a_signed)
    right = read_operand(b, "b", config.b_width, config.b_signed)
    if left.shape[1] != right.shape[0]:
        raise InputError(
            f"{a} and {b} must be [M, K] and [K, N], not {list(left.shape)} and "
            f"{list(right.shape)}"
        )
    more = None if plus is None else _plus(plus, config, (left.shape[0], right.shape[1]))
    if not auto:
        return _Job(config, left, right, more, None)
    from ..generators.tpe.design import engine

    choice = choose(
        left, right, engine(config).model,
        a_format=(config.a_width, config.a_signed), b_format=(config.b_width, config.b_signed),
    )  # fmt: skip
    best = choice.best
    values = config.model_dump() | {"encoding": best.encoding}
    if best.operand == "b":
        values |= {
            "a_width": config.b_width, "a_signed": config.b_signed,
            "b_width": config.a_width, "b_signed": config.a_signed,
        }  # fmt: skip
        more = None if more is None else more.T
    left, right = encoded_rows(left, right, best.operand)
    return _Job(TpeConfig.model_validate(values), left, right, more, choice)


def _plus(path: Path, config: TpeConfig, shape: tuple[int, int]) -> Integers:
    if not config.c_input:
        raise InputError("c_input must be true for --plus, not false")
    values = read_matrix(path)
    if values.shape != shape:
        raise InputError(f"{path} must be {list(shape)}, not {list(values.shape)}")
    half = 1 << config.accumulator_bits - 1
    low, high = int(values.min()), int(values.max())
    if low < -half or high >= half:
        raise InputError(
            f"{path} must be {-half}..{half - 1}, not {low if low < -half else high}"
        )
    return values


def _check_out(out: Path) -> None:
    if out.suffix != ".npy":
        raise InputError(f"out must end in .npy, not {str(out)!r}")
    if out.is_dir():
        raise InputError(f"out must be a file, not the folder {str(out)!r}")


def _write(path: Path, product: NDArray[Any]) -> None:
    data = io.BytesIO()
    np.lib.format.write_array(data, np.ascontiguousarray(product), version=(1, 0))
    write_bytes(path, data.getvalue())


def _shape(job: _Job) -> tuple[int, int, int]:
    """M, K and N of the product as asked for."""
    (m, k), n = job.left.shape, job.right.shape[1]
    return (n, k, m) if job.swapped else (m, k, n)


def _document(
    job: _Job, engine: Engine, done: ProductRun, out: Path, folder: Path
) -> dict[str, Any]:
    m, k, n = _shape(job)
    return {
        "config": job.config.model_dump(mode="json"),
        "build": str(folder),
        "product": str(out),
        "m": m, "k": k, "n": n,
        "equal_to": done.checked,
        "encoded": job.choice.best.operand if job.choice else "a",
        "candidates": job.choice.table() if job.choice else None,
        "cycles": done.cycles,
        "cycles_with_operands": done.steps,
        "products": m * k * n,
        "products_per_cycle": m * k * n / done.cycles,
        "work": done.work,
        "units": engine.model.capacity,
        "utilisation": done.utilisation,
        "occupation": done.occupation,
        "row_imbalance": done.imbalance,
        "barrier_cost": done.barrier_cost,
        "passes": len(done.schedules),
        "additions_outside": done.outside,
        "simulated_cycles": done.measured,
        "runs": done.runs,
        "seconds": done.seconds,
        "cycles_per_second": done.rate,
    }  # fmt: skip


def _tell(
    console: Console, job: _Job, engine: Engine, done: ProductRun, out: Path
) -> None:
    m, k, n = _shape(job)
    if job.choice is not None:
        console.table(
            "Choices, best first",
            ["operand", "encoding", "digits", "cycles", "utilisation", "barrier cost"],
            [
                [
                    row["operand"], row["encoding"], f"{row['digits_per_operand']:.3f}",
                    f"{row['cycles']:,}", f"{row['utilisation']:.1%}",
                    f"{row['barrier_cost']:,.1f}",
                ]
                for row in job.choice.table()
            ],
            fixed=2,
        )  # fmt: skip
        console.say()
    checked = " and ".join(done.checked)
    console.say(f"product: {out}, {m} x {n}, the same by {checked}")
    products = m * k * n
    console.say(
        f"cycles: {done.cycles:,} for {products:,} products ({products / done.cycles:.2f} per "
        f"cycle), {done.steps:,} of them with operands at work"
    )
    unit = {Array.DIGIT_SERIAL: "digits", Array.LACONIC: "pairs of digits"}.get(
        engine.kind, "products"
    )
    console.say(
        f"utilisation: {done.utilisation:.1%} of {engine.model.capacity} {unit} per cycle, "
        f"{done.occupation:.1%} with operands at work"
    )
    if engine.kind in (Array.DIGIT_SERIAL, Array.LACONIC):
        shares = ", ".join(f"{share:.1%}" for share in done.imbalance)
        console.say(f"rows wait for others: {shares} of the steps (rows 0 to {engine.rows - 1})")
        share = done.barrier_cost / done.steps
        console.say(f"barrier cost: {done.barrier_cost:,.1f} cycles, {share:.1%} of the steps")
    if done.outside:
        console.say(
            f"K is longer than a tile: {done.outside} additions per result outside of the engine "
            "(none with c_input)"
        )
    console.say(f"simulated: {done.measured:,} cycles, {done.rate:,} per second")

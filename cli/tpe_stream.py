"""The work behind ``gatewright tpe stream``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..generators.artifacts import write_bytes
from ..generators.build import build_design
from ..generators.config import load_config
from ..generators.tpe import generator
from ..generators.tpe.config import TpeConfig
from ..generators.tpe.matrix_files import read_operand
from ..generators.tpe.workload import cut
from ..verification.tpe.stimulus import Design
from .console import Console
from .source import default_folder

__all__ = ["write_streams"]


def write_streams(
    console: Console, matrix: Path, file: Path | None, params: Sequence[str], out: Path | None
) -> None:
    """Emit the engine, write its streams and tell their size."""
    given = {param.partition("=")[0].strip() for param in params}
    if file is None:
        wanted = {"array": "digit_serial", "source": "stream"}
        params = [*(f"{name}={value}" for name, value in wanted.items() if name not in given),
                  *params]  # fmt: skip
    config = load_config(TpeConfig, file, params)
    if config.source != "stream":
        raise InputError(f"source must be stream to take streams, not {config.option('source')!r}")
    a = read_operand(matrix, "a", config.a_width, config.a_signed)
    build = build_design(generator, config, out or default_folder(generator, config))
    design = Design.of(build.manifest)
    engine = design.engine
    tiles = cut(engine, a, np.zeros((a.shape[1], engine.cols), np.int64))
    names = [f"digits__{row}" for row in range(engine.rows)]
    counts = np.zeros((len(tiles), engine.rows), np.int64)
    parts: dict[str, list[NDArray[np.uint32]]] = {name: [] for name in names}
    with console.progress() as progress:
        for index, tile in enumerate(tiles):
            beats = design.beats([tile])
            for row, name in enumerate(names):
                parts[name].append(beats[name])
                counts[index, row] = len(beats[name])
            progress("tiles", index + 1, len(tiles))
    for name in names:
        _write(build.folder / f"{name}.npy", np.concatenate(parts[name]))
    _write(build.folder / "tiles.npy", counts)
    cycles = int(counts.max(axis=1).sum())
    width = build.manifest.stream(names[0]).width
    told: dict[str, Any] = {
        "build": str(build.folder), "rows": engine.rows, "tiles": len(tiles),
        "beats": int(counts.sum()), "bits_per_beat": width, "cycles": cycles,
        "bits": int(counts.sum()) * width, "operand_bits": a.size * engine.a_width,
    }  # fmt: skip
    console.document(told)
    console.say(
        f"streams: {len(names)} of {width} bits in {build.folder}, {told['beats']:,} beats for "
        f"{a.shape[0]} x {a.shape[1]} operands in {len(tiles)} tiles"
    )
    console.say(f"cycles: {cycles:,} for each tile of columns, by the row with most beats")


def _write(path: Path, array: NDArray[Any]) -> None:
    data = io.BytesIO()
    np.lib.format.write_array(data, np.ascontiguousarray(array), version=(1, 0))
    write_bytes(path, data.getvalue())

"""Every input there is, through the simulated Verilog, against the golden model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...generators.artifacts import Build
from ..simulation.batched import BatchedModel

__all__ = ["Difference", "run_every"]

_AT_ONCE = 1 << 18
Integers = NDArray[Any]


@dataclass(frozen=True)
class Difference:
    """The first case in which hardware and golden model differ: values by port."""

    inputs: Mapping[str, int]
    expected: Mapping[str, int]
    got: Mapping[str, int]


def run_every(
    build: Build, inputs: Mapping[str, Integers], expected: Mapping[str, Integers], latency: int
) -> Difference | None:
    """Send all rows through a design, one in each cycle, and return the first that differs.

    A design with the streams ``i`` and ``o`` gets and gives them as fields of beats.

    Raises
    ------
    InputError
        If the golden model tells no values, or not one for each row.
    """
    count = len(next(iter(inputs.values())))
    lengths = {name: len(values) for name, values in expected.items()}
    if not lengths or set(lengths.values()) != {count}:
        raise InputError(f"expected values must be {count} of each output, not {lengths}")
    model = BatchedModel(build)
    for start in range(0, count, _AT_ONCE):
        stop = min(count, start + _AT_ONCE)
        found = _compare(model, inputs, expected, latency, slice(start, stop))
        if found is not None:
            return found
    return None


def _compare(
    model: BatchedModel, inputs: Mapping[str, Integers], expected: Mapping[str, Integers],
    latency: int, rows: slice,
) -> Difference | None:
    given = {name: np.asarray(values)[rows] for name, values in inputs.items()}
    # What comes after the last row pushes it through.
    padded = {
        name: np.concatenate([values, np.repeat(values[-1:], latency)])
        for name, values in given.items()
    }
    got = (
        _beats(model, given)
        if model.manifest.streams
        else {
            name: values[latency:]
            for name, values in model.unpack_outputs(
                model.run_cycles(model.pack_inputs(padded))
            ).items()
        }
    )
    due = {name: np.asarray(values)[rows] for name, values in expected.items()}
    wrong = np.zeros(len(next(iter(given.values()))), bool)
    for name, values in due.items():
        wrong |= got[name] != values
    if not wrong.any():
        return None
    at = int(np.flatnonzero(wrong)[0])
    return Difference(*({name: int(each[at]) for name, each in kind.items()}
                        for kind in (given, due, got)))  # fmt: skip


def _beats(model: BatchedModel, given: Mapping[str, Integers]) -> Mapping[str, Integers]:
    count = len(next(iter(given.values())))
    run = model.run_streams({"i": model.pack("i", given)}, {"o": count})
    return model.unpack("o", run.outputs["o"])

"""Attention as the engine takes and gives it: beats for its streams, and outputs back.

Values are by field name, one array for all beats of a stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.salo.machine import Operands
from .design import Engine
from .program import Program
from .tiles import Tiles

__all__ = ["outputs", "program_beats", "result_beats", "token_beats"]

Values = dict[str, NDArray[Any]]

_QUERY, _KEY, _VALUE = range(3)

_TILES_AT_ONCE = 1024


def program_beats(program: bytes) -> Values:
    """Return the beats of a program: a word each, of 64 bits, and which is the last."""
    words = np.frombuffer(program, "<u8").astype(np.uint64)
    return {"word": words, "last": np.arange(len(words)) == len(words) - 1}


def token_beats(engine: Engine, rows: Operands, riders: Operands | None = None) -> Values:
    """Return the beats that load all vectors and start the run.

    Parameters
    ----------
    engine
        What they are for.
    rows
        Integers [tokens, d] each.
    riders
        Those of riders, if they have projections of their own.
    """
    parts: list[Values] = []
    width = max(engine.dk_range[1], engine.dv_range[1])
    for rider, operands in enumerate((rows, riders)):
        if operands is None:
            continue
        for operand, matrix in ((_QUERY, operands.q), (_KEY, operands.k), (_VALUE, operands.v)):
            vectors = matrix.numpy().astype(np.int64)
            count, length = vectors.shape
            part: Values = {
                "operand": np.full(count, operand), "token": np.arange(count),
                **{f"vector.{c}": vectors[:, c] if c < length else np.zeros(count, np.int64)
                   for c in range(width)},
            }  # fmt: skip
            if engine.private:
                part["rider"] = np.full(count, rider)
            parts.append(part)
    beats = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    beats["last"] = np.arange(len(beats["token"])) == len(beats["token"]) - 1
    return beats


def result_beats(engine: Engine, program: Program, results: NDArray[np.int64]) -> Values:
    """Return the beats of results, given the outputs [queries, dv] of all queries."""
    queries = _queries(engine, program.tiles)
    dv = program.dv
    element = np.tile(np.arange(dv), len(queries))
    beats: Values = {"element": element, "last": np.arange(len(element)) == len(element) - 1}
    for lane in range(engine.p.lanes):
        query = np.repeat(queries[:, lane], dv)
        there = query >= 0
        beats[f"rows.{lane}.there"] = there
        beats[f"rows.{lane}.query"] = np.where(there, query, 0)
        beats[f"rows.{lane}.value"] = np.where(there, results[query, element], 0)
    return beats


def outputs(
    engine: Engine, program: Program, beats: Mapping[str, NDArray[Any]]
) -> NDArray[np.int64]:
    """Return outputs [queries, dv] from the beats of results; 0 of queries that have none."""
    found = np.zeros((program.queries, program.dv), np.int64)
    for lane in range(engine.p.lanes):
        there = beats[f"rows.{lane}.there"].astype(np.bool_)
        at = beats[f"rows.{lane}.query"][there], beats["element"][there]
        found[at] = beats[f"rows.{lane}.value"][there]
    return found


def _queries(engine: Engine, tiles: Tiles) -> NDArray[np.int64]:
    """Queries [turns, lanes] whose rows leave together, in order; -1 where there is none."""
    turns: list[NDArray[np.int64]] = []
    for start in range(0, len(tiles), _TILES_AT_ONCE):
        batch = tiles.batch(start, start + _TILES_AT_ONCE)
        for tile in np.flatnonzero(batch.last | batch.rider_last.any(axis=1)):
            if batch.last[tile]:
                turns.append(batch.queries[tile].reshape(-1, engine.p.lanes))
            for query in batch.rider_queries[tile][batch.rider_last[tile]]:
                alone = np.full((1, engine.p.lanes), -1)
                alone[0, 0] = query
                turns.append(alone)
    return np.concatenate(turns) if turns else np.zeros((0, engine.p.lanes), np.int64)

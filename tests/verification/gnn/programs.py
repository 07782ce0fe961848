"""Programs written by hand, after section 3 of the brief."""

from __future__ import annotations

import numpy as np

from gatewright.generators.gnn.assembly import Slot, assemble
from gatewright.generators.gnn.graph import Graph
from gatewright.generators.gnn.limits import Limits
from gatewright.generators.gnn.partition import partition
from gatewright.generators.gnn.program import Pass, Program, Tensor
from gatewright.golden.gnn.fixed import multipliers
from gatewright.golden.gnn.hop import source_scalars
from gatewright.hw.gnn.instruction import ElementType, Space
from gatewright.hw.gnn.parameters import GnnParameters
from gatewright.hw.gnn.records import Phase

TINY = GnnParameters(
    lanes=4, rows=4, columns=4, bus_bytes=4, threads=2, accumulator_words=128, local_words=128,
    edge_words=64, weight_words=256, max_sources=32, max_edges=64, psum_rows=8, outstanding=4,
)  # fmt: skip

_LOCAL, _ACCUMULATOR = Space.LOCAL, Space.ACCUMULATOR
I8, I16, I32 = ElementType


def tiles(matrix, p):
    """Return a matrix i8 [K, N] as words of the weight memory."""
    k, n = matrix.shape
    padded = np.zeros((-(-k // p.rows) * p.rows, -(-n // p.columns) * p.columns), np.int64)
    padded[:k, :n] = matrix
    words = padded.reshape(len(padded), -1, p.columns).transpose(1, 0, 2).reshape(-1, p.columns)
    return words.astype(np.int8).view(np.uint8)


def padded_bias(bias, p):
    """Return a bias [N] as words of the bias memory."""
    words = np.zeros(-(-len(bias) // p.columns) * p.columns, np.int32)
    words[: len(bias)] = bias
    return words.reshape(-1, p.columns)


def packed(factors):
    """Return the packed constants of a factor per row, [N, 1]."""
    m, s = multipliers(factors)
    return (m | s << 16)[:, None]


def words(elements, size, p):
    return -(-elements * size // p.lanes)


def gcn(layer, graph, p=TINY, *, halves=1, interval=None):
    """Return the program of an int8 GCN of one hop, aggregate order: 12 instructions."""
    (hop,) = layer.hops
    k, n = layer.product.weights[0].shape
    wide, out = words(k, 1, p), words(n, 1, p)
    looped = graph.looped
    stride = -(-k // p.lanes)
    interval = interval or p.accumulator_words // halves // stride
    shards = partition(
        Graph.of(graph.vertices, looped.src, looped.dst),
        Limits(interval=interval, source_bytes=wide * p.lanes, capacity=p.local_words * p.lanes,
               max_edges=p.max_edges, max_sources=p.max_sources),
    )  # fmt: skip
    names = ("x", "acc", "rq", "h", "w", "y")
    slots = (
        Slot(_LOCAL, I8, 0, k), Slot(_ACCUMULATOR, I32, 0, k), Slot(_LOCAL, I32, 0, 1),
        Slot(_LOCAL, I8, words(1, 4, p), k), Slot(Space.WEIGHT, I8, 0, k, n),
        Slot(_LOCAL, I8, words(1, 4, p) + wide, n),
    )  # fmt: skip
    numbers = {name: i for i, name in enumerate(names)}
    stride_chunk = words(1, 4, p) + wide + out
    relu = 1 if layer.finish.relu else 0
    text = {
        Phase.SCATTER: "FILL d=acc imm=0\nEND",
        Phase.GATHER0: "LDV d=x c=x\nSPSUM d=acc a=x b=SCALAR\nEND",
        Phase.APPLY0: (
            "LDV d=rq c=rq\nRQROW d=h a=acc b=rq\n"
            f"MM d=y a=h b=w k=0 flags={relu}\nSTV a=y c=y\nEND"
        ),
    }
    tensors = {"x": 0, "rq": 1, "y": 2}
    one = Pass(
        phases={phase: tuple(assemble(each, numbers, tensors)) for phase, each in text.items()},
        slots=slots, slot_names=names, constants=(layer.product.by,), tensors=("x", "rq", "y"),
        weights=tiles(layer.product.weights[0], p), bias=padded_bias(layer.product.bias, p),
        tables=np.zeros((0, 256), np.uint8), exp_bits=0, interval=interval, chunk_rows=4,
        accumulator_stride=stride, chunk_stride=stride_chunk, source_stride=(wide, 0),
        halves=halves, partitions=(shards, None),
        scalars=(source_scalars(looped, hop.fraction_bits).astype(np.int16), None),
    )  # fmt: skip
    return Program(
        parameters=p, vertices=graph.vertices, order=None, passes=(one,),
        tensors={
            "x": Tensor(graph.vertices, k, I8), "y": Tensor(graph.vertices, n, I8),
            "rq": Tensor(graph.vertices, 1, I32, packed(hop.destination_factors(looped))),
        },
        input="x", output="y", input_features=k, output_columns=tuple(range(n)),
    )  # fmt: skip

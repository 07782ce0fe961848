"""What a network in operators computes, on whole graphs: one array a value, no pass, no slot."""

from __future__ import annotations

import numpy as np

from gatewright.generators.gnn.compiler.dependence import sorted_values
from gatewright.generators.gnn.compiler.ir import (
    BITS,
    Broadcast,
    Concat,
    Elementwise,
    Exponential,
    FromDestination,
    FromSource,
    Gather,
    Input,
    MatMul,
    PerVertex,
    Reciprocal,
    Reduce,
    RowScale,
    Slice,
    SourceScalar,
)
from gatewright.golden.gnn.fixed import (
    EMPTY,
    exp2n,
    fixmin,
    leaky_relu,
    lookup,
    requantize,
    saturate,
    wrap32,
)
from gatewright.hw.gnn.instruction import ElementType, Opcode


def interpret(output, graph, codes):
    """Return the output [N, width] of input codes. Edges of a looped gather are those of
    `graph.looped`, so values on edges are computed anew for each gather."""
    rows = {}
    for value in sorted_values([output]):
        if not value.on_edges:
            rows[value] = _vertices(value, rows, graph, codes)
            assert rows[value].shape == (graph.vertices, value.width)
    return rows[output]


def _fit(values, type_):
    return wrap32(values) if type_ is ElementType.I32 else saturate(values, BITS[type_])


def _vertices(value, rows, graph, codes):
    match value:
        case Input():
            return codes
        case PerVertex():
            return value.values
        case Broadcast():
            return np.tile(value.values, (graph.vertices, 1))
        case Concat():
            result = np.full((graph.vertices, value.width), 77)
            for part, start in zip(value.parts, value.starts, strict=True):
                result[:, start : start + part.width] = rows[part]
            return result
        case Slice():
            return rows[value.a][:, value.start : value.start + value.width]
        case MatMul():
            total = wrap32(rows[value.a] @ value.weights + value.bias)
            result = requantize(total, value.by, BITS[value.type])
            return np.maximum(result, 0) if value.relu else result
        case RowScale():
            heads = np.arange(value.width) >> value.shift if value.b.width > 1 else [0]
            words = rows[value.b][:, heads]
            m, s = words & 0xFFFF, words >> 16
            result = saturate(rows[value.a] * m + (1 << s >> 1) >> s, BITS[value.type])
            return np.maximum(result, 0) if value.relu else result
        case Reciprocal():
            inverse = [[_reciprocal(int(x)) for x in row] for row in rows[value.a]]
            return np.array(inverse, np.int64).reshape(rows[value.a].shape)
        case Gather():
            return _gather(value, rows, graph.looped if value.looped else graph)
        case Elementwise():
            return _elementwise(value, lambda each: rows[each])
    raise TypeError(type(value).__name__)


def _reciprocal(a):
    if a <= 0:
        return 0
    k = a.bit_length() - 1
    return (2 ** (k + 15) + a // 2) // a | (k + 15) << 16


def _elementwise(value, of):
    a = of(value.a)
    match value.op:
        case Opcode.ADD:
            result = a + of(value.b)
        case Opcode.SUB:
            result = a - of(value.b)
        case Opcode.MUL:
            result = a * of(value.b)
        case Opcode.AXPY:
            result = (a << value.shift) + of(value.b) * value.imm
        case Opcode.RQ:
            result = requantize(a, value.by, BITS[value.type])
            return np.maximum(result, 0) if value.relu else result
        case Opcode.LRELU:
            result = leaky_relu(a, value.imm)
        case Opcode.LUT8:
            return lookup(a, value.table)
        case Opcode.FIXMIN:
            result = fixmin(a)
    return _fit(result, value.type)


def _edges(value, rows, edges):
    match value:
        case FromSource():
            return rows[value.a][edges.src]
        case FromDestination():
            return saturate(rows[value.a][edges.dst], 16)
        case Exponential():
            peak = rows[value.maximum][edges.dst]
            return exp2n(peak - _edges(value.a, rows, edges) & 0xFFFF, value.bits)
    return _elementwise(value, lambda each: _edges(each, rows, edges))


def _gather(value, rows, edges):
    messages = (
        _edges(value.a, rows, edges) if value.a.on_edges else rows[value.a][edges.src]
    )
    if isinstance(value.scale, SourceScalar):
        messages = messages * value.scale.values[edges.src, None].astype(np.int64)
    elif value.scale is not None:
        heads = np.arange(value.width) >> value.shift
        scale = _edges(value.scale, rows, edges)
        messages = messages * scale[:, np.minimum(heads, scale.shape[1] - 1)]
    maximum = value.how is Reduce.MAX
    result = np.full((edges.vertices, value.width), EMPTY if maximum else 0)
    (np.maximum if maximum else np.add).at(result, edges.dst, messages)
    return wrap32(result)

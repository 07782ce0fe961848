"""Operators refuse arguments that do not fit, in one line that names them."""

from __future__ import annotations

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.generators.gnn.compiler.dependence import sorted_values
from gatewright.generators.gnn.compiler.ir import (
    Broadcast,
    Concat,
    Elementwise,
    Exponential,
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
    Value,
)
from gatewright.golden.gnn.fixed import Multiplier
from gatewright.hw.gnn.instruction import ElementType, Opcode

I8, I16, I32 = ElementType
X = Input(name="x", type=I8, width=4)
WIDE = Input(name="wide", type=I8, width=5)
HALF = MatMul(
    name="half", type=I16, width=4, a=X, weights=np.ones((4, 4), int), bias=np.zeros(4, int),
    by=Multiplier(1, 0),
)  # fmt: skip
SUM = Gather(name="sum", type=I32, width=4, how=Reduce.SUM, a=X, looped=False)
EDGE = FromSource(name="e", type=I16, width=4, a=HALF)
SCALAR = SourceScalar(np.ones(3, np.int16))


def elementwise(op, a, b=None, type_=I8, width=4, **more):
    return Elementwise(name="y", type=type_, width=width, op=op, a=a, b=b, **more)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Input(name="x", type=I8, width=0), "width of x must be 1..65535, not 0"),
        (
            lambda: elementwise(Opcode.ADD, X, WIDE),
            "width of wide in y must be 4, not 5",
        ),
        (
            lambda: elementwise(Opcode.ADD, X, EDGE),
            "e in y must be on vertices like the result",
        ),
        (
            lambda: elementwise(Opcode.MUL, X, SUM, I32),
            "type of sum in y must be I8 or I16, not I32",
        ),
        (lambda: elementwise(Opcode.ADD, X), "b of y must be there for ADD, SUB, MUL, AXPY only"),
        (lambda: elementwise(Opcode.MM, X), "op of y must be element-wise, not MM"),
        (lambda: elementwise(Opcode.RQ, X), "by of y must be there for RQ only"),
        (
            lambda: elementwise(Opcode.RQ, X, by=Multiplier(1 << 16, 0)),
            "by of y must be m 0..65535 and s 0..47, not 65536 and 0",
        ),
        (lambda: elementwise(Opcode.LUT8, X), "table of y must be there for LUT8 only"),
        (
            lambda: elementwise(Opcode.AXPY, X, X, I32, imm=1 << 23),
            "imm of y must be -8388608..8388607, not 8388608",
        ),
        (
            lambda: MatMul(
                name="z", type=I8, width=3, a=X, weights=np.ones((5, 3), int),
                bias=np.zeros(3, int), by=Multiplier(1, 0),
            ),
            "weights of z must be [4, 3], not [5, 3]",
        ),
        (
            lambda: MatMul(
                name="z", type=I8, width=3, a=HALF, weights=np.ones((4, 3), int),
                bias=np.zeros(3, int), by=Multiplier(1, 0),
            ),
            "type of half in z must be I8, not I16",
        ),
        (
            lambda: PerVertex(name="c", type=I32, width=2, values=np.zeros((3, 2), int)),
            "width of c must be 1 in I32, not 2",
        ),
        (
            lambda: Broadcast(name="c", type=I8, width=2, values=np.zeros(3, int)),
            "values of c must be [2], not [3]",
        ),
        (
            lambda: Concat(name="xx", type=I8, width=8, parts=(X, X), starts=(0, 3)),
            "start of x must be at least 4, not 3",
        ),
        (lambda: Slice.of(X, "s", 2, 3), "start of s must be 0..1, not 2"),
        (
            lambda: Reciprocal(name="r", type=I32, width=4, a=X),
            "type of x in r must be I32, not I8",
        ),
        (
            lambda: RowScale(name="q", type=I8, width=4, a=X, b=Slice.of(SUM, "s", 0, 2), shift=0),
            "shift of q must give each of 4 columns one of 2 factors, not 0",
        ),
        (
            lambda: FromSource(name="e", type=I8, width=4, a=X),
            "type of e must be I16 on edges, not I8",
        ),
        (
            lambda: FromSource(name="e", type=I16, width=4, a=SUM),
            "type of sum in e must be I8 or I16, not I32",
        ),
        (
            lambda: Exponential(name="p", type=I16, width=4, a=EDGE, maximum=SUM, bits=15),
            "bits of p must be 1..14, not 15",
        ),
        (
            lambda: Exponential(name="p", type=I16, width=4, a=X, maximum=SUM, bits=12),
            "x in p must be on edges, not on vertices",
        ),
        (
            lambda: Gather(
                name="g", type=I32, width=4, how=Reduce.MAX, a=X, scale=SCALAR, looped=True
            ),
            "scale of g must be absent from a maximum",
        ),
        (
            lambda: Gather(
                name="g", type=I32, width=4, how=Reduce.SUM, a=EDGE, scale=SCALAR, looped=True
            ),
            "e in g must be on vertices, not on edges",
        ),
    ],
)
def test_refused(make, line):
    with pytest.raises(InputError) as error:
        make()
    assert str(error.value) == line


def test_arguments_come_first_and_once():
    deep: Value = X
    for _ in range(5000):
        deep = elementwise(Opcode.ADD, deep, deep)
    order = sorted_values([deep, X])
    assert len(order) == 5001
    assert order[0] is X and order[-1] is deep

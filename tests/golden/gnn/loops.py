"""Every layer one number at a time, in float and in int8, written from the brief's text.

Integer sums wrap to 32 bits at every addition, over the edges in an order that the caller shuffles.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import chain

from gatewright.golden.gnn.appnp import Appnp, Int8Appnp
from gatewright.golden.gnn.dense import Int8Linear, Linear
from gatewright.golden.gnn.gat import Gat, Int8Gat
from gatewright.golden.gnn.gcn import Gcn, Int8Gcn
from gatewright.golden.gnn.ggnn import Ggnn, Int8Ggnn
from gatewright.golden.gnn.gin import Gin, Int8Gin
from gatewright.golden.gnn.sage import Int8Sage, Sage


def edges_of(graph, rng=None):
    edges = list(zip(graph.src.tolist(), graph.dst.tolist(), strict=True))
    if rng is not None:
        rng.shuffle(edges)
    return edges


def with_loops(edges, n):
    return [(u, v) for u, v in edges if u != v] + [(v, v) for v in range(n)]


def degrees(edges, n):
    return [sum(1 for _, v in edges if v == w) for w in range(n)]


def row_times(row, matrix):
    return [sum(a * w[j] for a, w in zip(row, matrix, strict=True)) for j in range(len(matrix[0]))]


def add(*rows):
    return [sum(each) for each in zip(*rows, strict=True)]


# float


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def normalised(edges, x):
    n = len(x)
    looped = with_loops(edges, n)
    d = degrees(looped, n)
    y = [[0.0] * len(x[0]) for _ in x]
    for u, v in looped:
        y[v] = [a + b / math.sqrt(d[u] * d[v]) for a, b in zip(y[v], x[u], strict=True)]
    return y


def dense(layer, x):
    bias = [0.0] * layer.out_features if layer.bias is None else layer.bias.tolist()
    y = [add(row_times(row, layer.weight.tolist()), bias) for row in x]
    return [[max(a, 0) for a in row] for row in y] if layer.activation == "relu" else y


def real(layer, graph, x):
    """Return the output of a float64 layer without activation, as lists."""
    edges, n = edges_of(graph), graph.vertices
    into = [[x[u] for u, w in edges if w == v] for v in range(n)]
    zero = [0.0] * len(x[0])
    match layer:
        case Gcn():
            for _ in range(layer.hops):
                x = normalised(edges, x)
            return dense(layer, x)
        case Linear():
            return dense(layer, x)
        case Appnp(teleport=t):
            h = x
            for _ in range(layer.hops):
                h = [
                    [(1 - t) * a + t * b for a, b in zip(row, start, strict=True)]
                    for row, start in zip(normalised(edges, h), x, strict=True)
                ]
            return h
        case Sage():
            reduce = {
                "mean": lambda *each: sum(each) / len(each),
                "sum": lambda *each: sum(each),
                "max": lambda *each: max(each),
            }[layer.reduction]
            y = []
            for v in range(n):
                h = [reduce(*each) for each in zip(*into[v], strict=True)] if into[v] else zero
                y.append(add(row_times(h, layer.weight.tolist()),
                             row_times(x[v], layer.root.tolist())))  # fmt: skip
            return y if layer.bias is None else [add(row, layer.bias.tolist()) for row in y]
        case Gin():
            h = [add([(1 + layer.eps) * a for a in x[v]], *into[v]) for v in range(n)]
            for linear in layer.mlp:
                h = dense(linear, h)
            return h
        case Gat():
            return attention(layer, with_loops(edges, n), x)
        case Ggnn():
            x = [row + [0.0] * (layer.out_features - len(row)) for row in x]
            for weight in layer.weights.tolist():
                x = gru(layer, weight, edges, x)
            return x
    raise AssertionError(layer)


def attention(layer, looped, x):
    heads, c = layer.source.shape
    y = []
    for v in range(len(x)):
        parts = []
        for h in range(heads):
            z = [row_times(row, layer.weight[:, h * c : h * c + c].tolist()) for row in x]
            scores = []
            for u in (u for u, w in looped if w == v):
                e = sum(a * b for a, b in zip(layer.source[h].tolist(), z[u], strict=True))
                e += sum(a * b for a, b in zip(layer.target[h].tolist(), z[v], strict=True))
                scores.append((e if e >= 0 else layer.slope * e, z[u]))
            most = max(e for e, _ in scores)
            total = sum(math.exp(e - most) for e, _ in scores)
            parts.append(add(*([math.exp(e - most) / total * a for a in row] for e, row in scores)))
        mean = [sum(each) / heads for each in zip(*parts, strict=True)]
        y.append(add(list(chain(*parts)) if layer.concat else mean, layer.bias.tolist()))
    return y


def gru(layer, weight, edges, x):
    width = layer.out_features
    after = []
    for v, row in enumerate(x):
        sent = [row_times(x[u], weight) for u, w in edges if w == v]
        m = add([0.0] * width, *sent)
        of_m = add(row_times(m, layer.weight_m.tolist()), layer.bias_m.tolist())
        of_x = add(row_times(row, layer.weight_x.tolist()), layer.bias_x.tolist())
        new = []
        for j in range(width):
            r = sigmoid(of_m[j] + of_x[j])
            z = sigmoid(of_m[width + j] + of_x[width + j])
            cell = math.tanh(of_m[2 * width + j] + r * of_x[2 * width + j])
            new.append((1 - z) * cell + z * row[j])
        after.append(new)
    return after


# int8


def half_up(x):
    return math.floor(x + Fraction(1, 2))


def clip(x, bits=8):
    return min(max(x, -(2 ** (bits - 1))), 2 ** (bits - 1) - 1)


def wrap(x):
    return (x + 2**31) % 2**32 - 2**31


def rq(a, by, bits=8):
    m, s = by if isinstance(by, tuple) else (by.m, by.s)
    return clip(half_up(Fraction(a * m, 2**s)), bits)


def factor(r):
    """m and s of a real factor, by the brief's formula in exact numbers."""
    if r == 0:
        return 0, 0
    s = 15 - math.floor(math.log2(r))
    s += Fraction(r) * 2**s < 2**15  # log2 rounds
    m = half_up(Fraction(r) * Fraction(2) ** s)
    if m == 65536:
        m, s = 32768, s - 1
    return (m, s) if s <= 47 else (0, 0)


def wrapped_sum(rows, width):
    total = [0] * width
    for row in rows:
        total = [wrap(a + b) for a, b in zip(total, row, strict=True)]
    return total


def product(p, *operands):
    """A `Product` of one vertex's rows."""
    total = p.bias.tolist()
    for row, weight in zip(operands, p.weights, strict=True):
        total = add(total, row_times(row, weight.tolist()))
    return [rq(wrap(a), p.by, p.bits) for a in total]


def finish(f, row):
    if f.table is not None:
        return [int(f.table[a % 256]) for a in row]
    return [max(a, 0) for a in row] if f.relu else row


def hop_loop(hop, edges, x):
    n, width = len(x), len(x[0])
    looped = with_loops(edges, n)
    d = degrees(looped, n)
    y = []
    for v in range(n):
        rows = []
        for u in (u for u, w in looped if w == v):
            c = math.floor(2**hop.fraction_bits / math.sqrt(d[u]) + 0.5)
            rows.append([c * a for a in x[u]])
        by = factor(hop.gain / math.sqrt(d[v]) / 2**hop.fraction_bits)
        y.append([rq(a, by, hop.bits) for a in wrapped_sum(rows, width)])
    return y


def integer(layer, graph, x, rng):
    """Return the codes of an int8 layer, as lists; rng shuffles the edges."""
    edges, n, width = edges_of(graph, rng), graph.vertices, len(x[0])
    into = [[x[u] for u, w in edges if w == v] for v in range(n)]
    match layer:
        case Int8Gcn():
            if layer.order == "transform":
                x = [product(layer.product, row) for row in x]
            for hop in layer.hops:
                x = hop_loop(hop, edges, x)
            if layer.order == "aggregate":
                x = [product(layer.product, row) for row in x]
            if layer.late_bias is not None:
                late = layer.late_bias.tolist()
                x = [
                    [clip(half_up(Fraction(clip(a + b, 16), 128)))
                     for a, b in zip(row, late, strict=True)]
                    for row in x
                ]  # fmt: skip
            return [finish(layer.finish, row) for row in x]
        case Int8Linear():
            return [finish(layer.finish, product(layer.product, row)) for row in x]
        case Int8Appnp():
            h = x
            for hop in layer.hops:
                h = [
                    [rq(wrap(p + b * layer.immediate), factor(2.0**-layer.fraction_bits))
                     for p, b in zip(row, start, strict=True)]
                    for row, start in zip(hop_loop(hop, edges, h), x, strict=True)
                ]  # fmt: skip
            return [finish(layer.finish, row) for row in h]
        case Int8Sage():
            y = []
            for v in range(n):
                if layer.reduction == "max":
                    h = [-32768] * width
                    for row in into[v]:
                        h = [max(a, b) for a, b in zip(h, row, strict=True)]
                    h = [0 if a == -32768 else a for a in h]
                else:
                    share = len(into[v]) if layer.reduction == "mean" else 1
                    by = factor(layer.gain / share) if share else (0, 0)
                    h = [rq(a, by) for a in wrapped_sum(into[v], width)]
                y.append(finish(layer.finish, product(layer.product, h, x[v])))
            return y
        case Int8Gin():
            y = []
            for v in range(n):
                total = [a * 2**layer.fraction_bits for a in wrapped_sum(into[v], width)]
                h = [
                    rq(wrap(a + b * layer.immediate), layer.by)
                    for a, b in zip(total, x[v], strict=True)
                ]
                for linear in layer.mlp:
                    h = finish(linear.finish, product(linear.product, h))
                y.append(h)
            return y
        case Int8Gat():
            return integer_attention(layer, with_loops(edges, n), x)
        case Int8Ggnn():
            return integer_gru(layer, edges, x)
    raise AssertionError(layer)


def integer_attention(layer, looped, x):
    z = [product(layer.z, row) for row in x]
    source, target = ([product(p, row) for row in x] for p in (layer.source, layer.target))
    heads, c = len(source[0]), len(z[0]) // len(source[0])
    y = []
    for v in range(len(x)):
        parts = []
        for h in range(heads):
            scores = []
            for u in (u for u, w in looped if w == v):
                e = clip(source[u][h] + target[v][h], 16)
                e = e if e >= 0 else half_up(Fraction(e * layer.slope, 2**15))
                scores.append((e, z[u][h * c : h * c + c]))
            most = max(e for e, _ in scores)
            den, num = 0, [0] * c
            for e, row in scores:
                k, f = divmod(most - e, 256)
                entry = math.floor(2**layer.exp_bits * 2 ** (-f / 256) + 0.5)
                p = 0 if k > layer.exp_bits + 1 else half_up(Fraction(entry, 2**k))
                den = wrap(den + p)
                num = [wrap(a + p * b) for a, b in zip(num, row, strict=True)]
            if den <= 0:
                parts.append([0] * c)
                continue
            k = den.bit_length() - 1
            m = (2 ** (k + 15) + den // 2) // den
            parts.append([rq(a, (m, k + 15)) for a in num])
        if layer.average is None:
            y.append(finish(layer.finish, list(chain(*parts))))
        else:
            y.append(finish(layer.finish, [rq(a, layer.average) for a in add(*parts)]))
    return y


def integer_gru(layer, edges, x):
    width = len(layer.candidate_x.bias)
    x = [row + [0] * (width - len(row)) for row in x]
    for step in layer.steps:
        after = []
        for v, row in enumerate(x):
            total = wrapped_sum([x[u] for u, w in edges if w == v], width)
            g = [rq(a, layer.gather) for a in total]
            gates = finish(layer.sigmoid, product(step.gates, g, row))
            of_m, of_x = product(step.candidate_m, g), product(layer.candidate_x, row)
            new = []
            for j in range(width):
                r, z = gates[j], gates[width + j]
                n = rq(clip(of_m[j] + r * of_x[j], 16), layer.candidate)
                n = finish(layer.tanh, [n])[0]
                new.append(rq((127 - z) * n + z * row[j], factor(1 / 127)))
            after.append(new)
        x = after
    return [finish(layer.finish, row) for row in x]

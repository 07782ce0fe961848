"""Networks in operators."""

from __future__ import annotations

from dataclasses import dataclass

from .....errors import InputError
from .....golden.gnn.appnp import Int8Appnp
from .....golden.gnn.dense import Int8Linear
from .....golden.gnn.gat import Int8Gat
from .....golden.gnn.gcn import Int8Gcn
from .....golden.gnn.ggnn import Int8Ggnn
from .....golden.gnn.gin import Int8Gin
from .....golden.gnn.graph import Graph
from .....golden.gnn.layer import Int8Layer
from .....golden.gnn.network import Int8Network
from .....golden.gnn.sage import Int8Sage
from .....hw.gnn.instruction import ElementType
from .....hw.gnn.parameters import GnnParameters
from ..ir import Input, Value
from . import appnp, gat, gcn, ggnn, gin, linear, sage
from .rows import Context, Layout, Rows

__all__ = ["Lowered", "lower_network"]


@dataclass(frozen=True, eq=False)
class Lowered:
    """A network in operators.

    Attributes
    ----------
    input, output
        Its codes.
    output_columns
        Places of the network's columns in the output.
    """

    input: Input
    output: Value
    output_columns: tuple[int, ...]


def lower_network(network: Int8Network, graph: Graph, p: GnnParameters) -> Lowered:
    """Return a network in operators.

    Raises
    ------
    InputError
        If a layer is none that is known.
    """
    context = Context(graph, p)
    width = network.layers[0].in_features
    given = Input(name="input", type=ElementType.I8, width=width)
    rows = Rows(given, Layout.plain(width))
    for i, layer in enumerate(network.layers):
        rows = _lower(context, layer, rows, f"l{i}")
    return Lowered(given, rows.value, rows.layout.places)


def _lower(context: Context, layer: Int8Layer, x: Rows, name: str) -> Rows:
    match layer:
        case Int8Linear():
            return linear.lower(context, layer, x, name)
        case Int8Gcn():
            return gcn.lower(context, layer, x, name)
        case Int8Sage():
            return sage.lower(context, layer, x, name)
        case Int8Gin():
            return gin.lower(context, layer, x, name)
        case Int8Gat():
            return gat.lower(context, layer, x, name)
        case Int8Ggnn():
            return ggnn.lower(context, layer, x, name)
        case Int8Appnp():
            return appnp.lower(context, layer, x, name)
    known = "Int8Linear, Int8Gcn, Int8Sage, Int8Gin, Int8Gat, Int8Ggnn, Int8Appnp"
    raise InputError(f"layer {name} must be one of {known}, not {type(layer).__name__}")

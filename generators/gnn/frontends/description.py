"""Networks written down in YAML: a line per layer, weights from a file or drawn at random.

For example::

    features: 16
    weights: trained.npz
    layers:
      - {kind: gcn, features: 32, activation: relu}
      - {kind: gat, features: 8, heads: 4, activation: elu}
      - {kind: linear, features: 7}

The weights of layer i are arrays ``i.weight``, ``i.bias`` and so on, with the names and shapes of
the layer's attributes in `golden/gnn`. Without a file they are drawn: for sizes and speed, where
values do not matter.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ....errors import InputError
from ....golden.gnn.activations import Activation
from ....golden.gnn.appnp import Appnp
from ....golden.gnn.dense import Linear
from ....golden.gnn.gat import Gat
from ....golden.gnn.gcn import Gcn
from ....golden.gnn.ggnn import Ggnn
from ....golden.gnn.gin import Gin
from ....golden.gnn.layer import Layer
from ....golden.gnn.network import Network
from ....golden.gnn.sage import Reduction, Sage
from ...config import Config, load_config

__all__ = ["NetworkConfig", "described_network", "load_description"]

Reals = NDArray[np.float64]
Features = Annotated[int, Field(ge=1, le=1 << 14, description="features of each vertex behind it")]


class _LayerConfig(Config):
    activation: Activation = Field(Activation.NONE, description="applied to the result")


class GcnConfig(_LayerConfig):
    """GCN; SGC if there are several hops."""

    kind: Literal["gcn", "sgc"]
    features: Features
    bias: bool = True
    hops: int = Field(1, ge=1, le=64)

    def layer(self, wide: int, draw: _Weights) -> Layer:
        """Return the layer that reads `wide` features."""
        return Gcn(
            draw("weight", wide, self.features), draw.bias(self.bias, self.features),
            hops=self.hops, activation=self.activation,
        )  # fmt: skip


class SageConfig(_LayerConfig):
    """GraphSAGE."""

    kind: Literal["sage"]
    features: Features
    bias: bool = True
    reduction: Reduction = Reduction.MEAN

    def layer(self, wide: int, draw: _Weights) -> Layer:
        """Return the layer that reads `wide` features."""
        return Sage(
            draw("weight", wide, self.features), draw("root", wide, self.features),
            draw.bias(self.bias, self.features), self.reduction, self.activation,
        )  # fmt: skip


class GinConfig(_LayerConfig):
    """GIN with an MLP whose hidden layers end in ReLU."""

    kind: Literal["gin"]
    features: Features
    hidden: tuple[Features, ...] = ()
    bias: bool = True
    eps: float = 0.0

    def layer(self, wide: int, draw: _Weights) -> Layer:
        """Return the layer that reads `wide` features."""
        widths = (*self.hidden, self.features)
        layers = []
        for i, width in enumerate(widths):
            kind = Activation.RELU if i < len(widths) - 1 else self.activation
            part = draw.part(f"mlp{i}")
            layers.append(Linear(part("weight", wide, width), part.bias(self.bias, width), kind))
            wide = width
        return Gin(tuple(layers), self.eps)


class GatConfig(_LayerConfig):
    """GAT; `features` are those of a head."""

    kind: Literal["gat"]
    features: Features
    heads: int = Field(1, ge=1, le=256)
    concat: bool = True
    bias: bool = True
    slope: float = Field(0.2, ge=0, le=1)

    def layer(self, wide: int, draw: _Weights) -> Layer:
        """Return the layer that reads `wide` features."""
        shape = (self.heads, self.features)
        width = self.heads * self.features
        return Gat(
            draw("weight", wide, width), draw("source", *shape), draw("target", *shape),
            draw.bias(self.bias, width if self.concat else self.features), self.concat, self.slope,
            self.activation,
        )  # fmt: skip


class GgnnConfig(_LayerConfig):
    """Gated graph network."""

    kind: Literal["ggnn"]
    features: Features
    steps: int = Field(1, ge=1, le=64)
    bias: bool = True

    def layer(self, wide: int, draw: _Weights) -> Layer:
        """Return the layer that reads `wide` features."""
        width = self.features
        return Ggnn(
            wide, draw("weights", self.steps, width, width), draw("weight_m", width, 3 * width),
            draw("weight_x", width, 3 * width), draw.bias(self.bias, 3 * width, "bias_m"),
            draw.bias(self.bias, 3 * width, "bias_x"), self.activation,
        )  # fmt: skip


class AppnpConfig(_LayerConfig):
    """APPNP."""

    kind: Literal["appnp"]
    hops: int = Field(10, ge=1, le=64)
    teleport: float = Field(0.1, ge=0, le=1)

    def layer(self, wide: int, draw: _Weights) -> Layer:
        """Return the layer that reads `wide` features."""
        return Appnp(wide, self.hops, self.teleport, self.activation)


class LinearConfig(_LayerConfig):
    """A linear layer on each vertex."""

    kind: Literal["linear"]
    features: Features
    bias: bool = True

    def layer(self, wide: int, draw: _Weights) -> Layer:
        """Return the layer that reads `wide` features."""
        return Linear(
            draw("weight", wide, self.features), draw.bias(self.bias, self.features),
            self.activation,
        )  # fmt: skip


LayerConfig = Annotated[
    GcnConfig | SageConfig | GinConfig | GatConfig | GgnnConfig | AppnpConfig | LinearConfig,
    Field(discriminator="kind"),
]


class NetworkConfig(Config):
    """A network by its layers."""

    features: Features = Field(description="features of each vertex at the input")
    layers: tuple[LayerConfig, ...] = Field(min_length=1, description="one after another")
    weights: str | None = Field(
        None, description="an npz file beside this one; else weights are drawn"
    )
    seed: int = Field(0, ge=0, description="of weights that are drawn")
    normalize_rows: bool = Field(
        False, description="divide the features of each vertex by their sum, as for citations"
    )


class _Weights:
    """The arrays of a layer: from a file, or drawn with the spread of Glorot and Bengio (2010)."""

    def __init__(
        self, name: str, arrays: Mapping[str, Reals] | None, random: np.random.Generator,
        used: set[str],
    ) -> None:  # fmt: skip
        self._name, self._arrays, self._random, self._used = name, arrays, random, used

    def __call__(self, name: str, *shape: int) -> Reals:
        """Return an array of a shape.

        Raises
        ------
        InputError
            If the file has it not, or of another shape.
        """
        full = f"{self._name}.{name}"
        if self._arrays is None:
            spread = np.sqrt(2.0 / (shape[-1] + shape[-2] if len(shape) > 1 else shape[-1]))
            return self._random.normal(scale=spread, size=shape)
        if full not in self._arrays:
            raise InputError(f"weights must have {full}, not only {', '.join(self._arrays)}")
        self._used.add(full)
        array = np.asarray(self._arrays[full], np.float64)
        if array.shape != shape:
            raise InputError(
                f"{full} of weights must be of shape {list(shape)}, not {list(array.shape)}"
            )
        return array

    def bias(self, there: bool, width: int, name: str = "bias") -> Reals | None:
        """Return a bias, or None if there is none."""
        return self(name, width) if there else None

    def part(self, name: str) -> _Weights:
        """Return the arrays of a part of the layer."""
        return _Weights(f"{self._name}.{name}", self._arrays, self._random, self._used)


def described_network(config: NetworkConfig, arrays: Mapping[str, Reals] | None) -> Network:
    """Return the network of a description.

    Parameters
    ----------
    arrays
        Weights by name, or None to draw them.

    Raises
    ------
    InputError
        If a weight is missing, of another shape or not finite, or one belongs to no layer.
    """
    random, used = np.random.default_rng(config.seed), set[str]()
    layers: list[Layer] = []
    wide = config.features
    for i, each in enumerate(config.layers):
        layers.append(each.layer(wide, _Weights(str(i), arrays, random, used)))
        wide = layers[-1].out_features
    spare = sorted(set(arrays or ()) - used)
    if spare:
        raise InputError(f"weights must belong to a layer, not be {spare[0]}")
    return Network(layers)


def load_description(path: Path) -> tuple[Network, bool]:
    """Return the network of a YAML file, and whether it wants its input's rows normalised.

    Raises
    ------
    InputError
        If the file or its weights are wrong.
    """
    config = load_config(NetworkConfig, path, [])
    arrays: dict[str, Any] | None = None
    if config.weights is not None:
        file = path.parent / config.weights
        try:
            with np.load(file, allow_pickle=False) as opened:
                arrays = {name: opened[name] for name in opened.files}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"weights {file} must be a readable npz file: {error}") from error
    return described_network(config, arrays), config.normalize_rows

"""The karate club as a picture: who is on which side, by the network and in truth."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from ...generators.artifacts import write_bytes
from ...generators.gnn.graph import Graph

__all__ = ["draw_club"]

_SIDES = ("#4477aa", "#ee6677")


def draw_club(
    graph: Graph, scores: np.ndarray[Any, Any], labels: np.ndarray[Any, Any],
    labelled: np.ndarray[Any, Any], path: Path,
) -> None:  # fmt: skip
    """Draw members filled with the side that the network tells and edged with the true one.

    Parameters
    ----------
    scores
        Of both sides, by member.
    labels, labelled
        The true side, and whose label the network was told.
    """
    from matplotlib.figure import Figure

    drawn = nx.Graph(zip(graph.src.tolist(), graph.dst.tolist(), strict=True))
    places = nx.spring_layout(drawn, seed=7, iterations=200)
    x, y = np.array([places[v] for v in range(graph.vertices)]).T
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    for a, b in drawn.edges:
        axes.plot(x[[a, b]], y[[a, b]], color="#bbbbbb", linewidth=0.8, zorder=1)
    told = scores.argmax(axis=1)
    axes.scatter(
        x, y, s=np.where(labelled, 620, 330), c=[_SIDES[side] for side in told],
        edgecolors=[_SIDES[side] for side in labels], linewidths=3.5, zorder=2,
    )  # fmt: skip
    for v in range(graph.vertices):
        axes.annotate(
            str(v + 1), (x[v], y[v]), ha="center", va="center", color="white", fontsize=9, zorder=3
        )
    for side, name in zip(_SIDES, ("the instructor's side", "the president's side"), strict=True):
        axes.scatter([], [], c=side, s=120, label=name)
    axes.legend(frameon=False, loc="lower right")
    axes.set_axis_off()
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    write_bytes(path, picture.getvalue())

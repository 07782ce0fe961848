"""Partitions as pictures: which sources the intervals load, and how much each loads."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..generators.artifacts import write_bytes

if TYPE_CHECKING:
    from ..generators.gnn.partition import Counts
    from ..generators.gnn.raster import Raster

__all__ = ["draw"]


def draw(counts: Counts, raster: Raster, title: str, path: Path) -> None:
    """Write a partition as SVG or PNG, by the file's suffix; the same each time.

    On the left intervals go down and sources across, darker where more rows are loaded; on the
    right are the rows of each interval, and on top how full the shards are.
    """
    import matplotlib
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    from ..generators.gnn.report import BINS, occupancy

    rows = np.bincount(
        counts.shard_interval, counts.shard_sources, minlength=counts.intervals
    ).astype(np.int64)
    with matplotlib.rc_context({"svg.hashsalt": "gatewright", "svg.fonttype": "none"}):
        figure = Figure(figsize=(11, 6.5), layout="constrained")
        left, middle, right = figure.subplots(1, 3, width_ratios=[3, 1, 1])
        most = max(2, int(raster.cells.max()))
        shown = np.ma.masked_equal(raster.cells, 0)
        image = left.imshow(
            shown, extent=raster.extent, aspect="auto", interpolation="nearest", cmap="viridis_r",
            norm=LogNorm(1, most),
        )  # fmt: skip
        bar = figure.colorbar(image, ax=left, location="left", label="rows loaded in a cell")
        bar.ax.yaxis.set_major_formatter("{x:g}")
        bar.ax.yaxis.set_minor_formatter("")
        left.set_xlabel("source, by its place in the order")
        left.set_ylabel("interval")
        middle.stairs(
            rows, np.arange(len(rows) + 1), orientation="horizontal", fill=True, color="#4477aa"
        )
        middle.set_ylim(left.get_ylim())
        middle.set_xlabel("rows of an interval")
        right.hist(occupancy(counts), bins=BINS, range=(0, 1), color="#228833")
        right.set_xlabel("filled part of a shard")
        right.set_ylabel("shards")
        figure.suptitle(
            f"{title}: {counts.vertices:,} vertices, {counts.edges:,} edges in "
            f"{counts.intervals:,} intervals, {counts.shards:,} shards, {counts.loads:,} rows"
        )
        date = {"Date": None} if path.suffix == ".svg" else {}
        drawn = BytesIO()
        figure.savefig(drawn, format=path.suffix[1:], dpi=120, metadata=date)
    write_bytes(path, drawn.getvalue())

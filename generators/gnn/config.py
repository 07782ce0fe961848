"""Config of the gnn generator: a preset, and what differs from it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ...hw.gnn.parameters import GnnParameters
from ..config import Config
from .presets import PRESETS

__all__ = ["GnnConfig"]

_MOST = 1 << 16


class GnnConfig(Config):
    """An engine that runs any message-passing network compiled for it."""

    preset: Literal["tiny", "ecp5", "edge", "mid"] = Field(
        "edge", description="sizes of all that is not given"
    )
    lanes: int = Field(
        16, ge=4, le=256, description="bytes that the vector unit works on in a cycle; a power of "
        "two, as are rows, columns and bus_bytes",
    )
    rows: int = Field(16, ge=4, le=256, description="rows of the matrix unit, at most lanes")
    columns: int = Field(16, ge=4, le=256, description="columns of the matrix unit, at most lanes")
    bus_bytes: int = Field(
        16, ge=4, le=32, description="bytes of a beat of the memory bus, at most lanes"
    )
    threads: int = Field(4, ge=1, le=16, description="tasks under way")
    accumulator_words: int = Field(
        1024, ge=2, le=_MOST, description="words of the accumulator memory, lanes i32 each"
    )
    local_words: int = Field(
        1024, ge=2, le=_MOST, description="words of a thread's row memory, lanes bytes each"
    )
    edge_words: int = Field(
        1024, ge=2, le=_MOST, description="words of a thread's edge memory, lanes bytes each"
    )
    weight_words: int = Field(
        8192, ge=4, le=1 << 20, description="words of the weight memory, columns bytes each"
    )
    max_sources: int = Field(512, ge=2, le=_MOST - 1, description="source rows of a shard")
    max_edges: int = Field(1024, ge=2, le=_MOST - 1, description="edges of a shard")
    bias_words: int = Field(
        64, ge=2, le=4096, description="words of the bias memory, columns i32 each"
    )
    tables: int = Field(4, ge=1, le=16, description="tables of 256 bytes for activations")
    instructions: int = Field(256, ge=16, le=1024, description="instructions of a pass")
    psum_rows: int = Field(
        64, ge=4, le=1024, description="rows whose partial sums the matrix unit holds, at least "
        "rows",
    )
    outstanding: int = Field(64, ge=1, le=64, description="read bursts on the way")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        """Take what is not given from the preset."""
        if isinstance(given, dict):
            preset = PRESETS.get(str(given.get("preset", "edge")))
            return given if preset is None else {**asdict(preset), **given}
        return given

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.parameters()
        return self

    def parameters(self) -> GnnParameters:
        """Return the parameters of the hardware."""
        return GnnParameters(**self.model_dump(exclude={"preset"}))

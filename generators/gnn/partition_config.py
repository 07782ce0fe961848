"""Config of a partition: sizes of the machine's memories and of the rows that go through them."""

from __future__ import annotations

from dataclasses import fields

from pydantic import Field, model_validator

from ..config import Config
from .limits import MAX_LOCAL, PINNED_BIT, Limits

__all__ = ["PartitionConfig"]

_MAX_BYTES = 1 << 31


class PartitionConfig(Config):
    """Sizes of intervals, shards and rows; the defaults are preset edge with 128 int8 features."""

    interval: int = Field(
        112, ge=1, le=MAX_LOCAL, description="D: destinations resident at a time"
    )
    source_bytes: int = Field(
        128, ge=1, le=_MAX_BYTES, description="Bs: bytes of a source row in a shard's memory"
    )
    edge_bytes: int = Field(
        0, ge=0, le=_MAX_BYTES,
        description="Be: bytes of an edge in the same memory; 0 if edges have their own",
    )  # fmt: skip
    capacity: int = Field(
        16384, ge=1, le=_MAX_BYTES,
        description="C: bytes of a shard's memory, resident rows not counted",
    )  # fmt: skip
    max_edges: int = Field(2048, ge=1, le=_MAX_BYTES, description="Emax: edges of a shard")
    max_sources: int = Field(MAX_LOCAL, ge=1, le=MAX_LOCAL, description="Smax: rows of a shard")
    pinned: int = Field(
        0, ge=0, le=PINNED_BIT, description="source rows kept resident for the whole pass"
    )
    load_bytes: int = Field(
        128, ge=0, le=_MAX_BYTES, description="bytes read for each destination, for the report"
    )
    store_bytes: int = Field(
        128, ge=0, le=_MAX_BYTES, description="bytes written for each destination, for the report"
    )
    burst_bytes: int = Field(
        32, ge=1, le=4096, description="bytes that a row's transfer is rounded up to"
    )
    engines: int = Field(
        4, ge=1, le=1024, description="engines that share the intervals, for the balance"
    )
    threads: int = Field(
        4, ge=1, le=1024, description="threads that share the shards of an interval"
    )

    @model_validator(mode="after")
    def _fits(self) -> PartitionConfig:
        self.limits()
        return self

    def limits(self) -> Limits:
        """Return what intervals and shards must fit into."""
        return Limits(**{field.name: getattr(self, field.name) for field in fields(Limits)})

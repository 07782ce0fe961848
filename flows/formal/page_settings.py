"""A config as the options of a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...generators.registry import generators

__all__ = ["settings"]


def settings(name: str, config: Mapping[str, Any]) -> str:
    """The options that make a config of a generator: what differs from the defaults."""
    known = generators()
    if name not in known:
        return ""
    fields = known[name].config().model_fields
    return "".join(
        f" -p {key}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in config.items()
        if value is not None and (key not in fields or value != fields[key].default)
        and not (isinstance(value, list) and tuple(value) == fields[key].default)
    )  # fmt: skip

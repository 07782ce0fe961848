"""A config as the options of a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...generators.registry import generators

__all__ = ["settings"]


def settings(name: str, config: Mapping[str, Any]) -> str:
    """The options that make a config of a generator: what those before them do not make so."""
    known = generators()
    if name not in known:
        return ""
    kind = known[name].config()

    def made(options: Mapping[str, Any]) -> dict[str, Any]:
        """The config of some options; nothing if they are not enough for one."""
        try:
            return dict(kind.model_validate(options).model_dump(mode="json"))
        except ValueError:
            return {}

    options: dict[str, Any] = {}
    for key, value in config.items():
        present = made(options)
        if value is not None and (key not in present or present[key] != value):
            options[key] = value
    return "".join(
        f" -p {key}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in options.items()
    )

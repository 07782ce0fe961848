"""``gatewright list``"""

from __future__ import annotations

from ..generators.registry import generators
from .console import Console
from .options import Debug, Json

__all__ = ["list"]


def list(json: Json = False, debug: Debug = False) -> None:
    """List the generators.

    \b
    Example:
      gatewright list
    """
    console = Console(json=json)
    found = generators().values()
    console.document([{"name": each.name, "summary": each.summary} for each in found])
    console.table("", ["generator", "makes"], [[each.name, each.summary] for each in found])

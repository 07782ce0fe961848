"""Patterns written down as mappings, as YAML and JSON files hold them.

For example::

    queries: 4096
    keys: 4096
    causal: false
    terms:
      - band: {lo: -256, hi: 256}
      - global_cols: [0]
      - global_rows: [0]
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ....errors import InputError
from ..pattern import Pattern
from ..terms import Band, Blocks, GlobalColumns, GlobalRows, Term, Window2d, Windows2d

__all__ = ["TERMS", "from_description"]

TERMS: dict[str, Callable[..., Term]] = {
    "band": Band,
    "global_cols": GlobalColumns,
    "global_rows": GlobalRows,
    "window2d": Window2d,
    "windows2d": Windows2d,
    "blocks": Blocks,
}
"""Terms by the name that they have in files."""

_LISTS = ("global_cols", "global_rows")
_FIELDS = ("queries", "keys", "causal", "terms")


def from_description(description: Mapping[str, Any]) -> Pattern:
    """Return the pattern of a mapping with `queries`, `keys` (as many if left out), `terms`.

    A term is a mapping of its name to its arguments, or to the list of tokens of global columns or
    rows. `causal` is false if left out.

    Raises
    ------
    InputError
        If something is missing, unknown or out of its range.
    """
    _known("pattern", description, _FIELDS)
    for name in ("queries", "terms"):
        if name not in description:
            raise InputError(f"pattern must have {name}, and has {', '.join(description)}")
    causal = description.get("causal", False)
    if not isinstance(causal, bool):
        raise InputError(f"causal must be true or false, not {causal!r}")
    terms = description["terms"]
    if not isinstance(terms, list):
        raise InputError(f"terms must be a list, not {terms!r}")
    queries = description["queries"]
    return Pattern(queries, description.get("keys", queries), map(_term, terms), causal)


def _term(entry: Any) -> Term:
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise InputError(f"terms must each be one of {', '.join(TERMS)}, not {entry!r}")
    ((name, arguments),) = entry.items()
    _known("terms", entry, tuple(TERMS))
    if name in _LISTS:
        if not isinstance(arguments, list):
            raise InputError(f"{name} must be a list of tokens, not {arguments!r}")
        return TERMS[name](arguments)
    if not isinstance(arguments, Mapping):
        raise InputError(f"{name} must be a mapping of its arguments, not {arguments!r}")
    parameters = inspect.signature(TERMS[name]).parameters
    _known(name, arguments, tuple(parameters))
    for parameter in parameters.values():
        if parameter.default is parameter.empty and parameter.name not in arguments:
            raise InputError(f"{name} must have {parameter.name}, and has {', '.join(arguments)}")
    if name == "blocks":
        _check_blocks(arguments["blocks"])
    if "shift" in arguments and not _pair(arguments["shift"]):
        raise InputError(f"shift must be two whole numbers, not {arguments['shift']!r}")
    return TERMS[name](**arguments)


def _known(where: str, given: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in given:
        if name not in names:
            raise InputError(f"{where} must be of {', '.join(names)}, not {name!r}")


def _check_blocks(blocks: Any) -> None:
    if not isinstance(blocks, list):
        raise InputError(f"blocks must be a list of (query block, key block), not {blocks!r}")
    for block in blocks:
        if not _pair(block):
            raise InputError(f"blocks must be pairs of whole numbers, not {block!r}")


def _pair(value: Any) -> bool:
    return (
        isinstance(value, list | tuple) and len(value) == 2
        and all(isinstance(each, int) and not isinstance(each, bool) for each in value)
    )  # fmt: skip

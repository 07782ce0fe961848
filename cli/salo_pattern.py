"""PATTERN of ``gatewright salo``: a description, a mask, or a model by its config or parameters."""

from __future__ import annotations

import pickle
import struct
import tokenize
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..generators.checks import check_range
from ..generators.registry import nearest
from ..generators.salo.importers.description import from_description
from ..generators.salo.importers.hugging_face import from_bigbird, from_longformer
from ..generators.salo.importers.vision import from_swin, from_vil
from ..generators.salo.pattern import MAX_TOKENS, Pattern
from ..generators.yaml_file import read_yaml

__all__ = ["read_pattern"]

_DESCRIPTIONS, _MASKS = (".yaml", ".yml", ".json"), (".npy", ".pt")
_MOST_DIGITS = 9
_DAMAGED = (
    pickle.UnpicklingError, ArithmeticError, AssertionError, AttributeError, EOFError, ImportError,
    LookupError, MemoryError, RuntimeError, SyntaxError, TypeError, ValueError, struct.error,
    tokenize.TokenError,
)  # fmt: skip
"""What the readers of torch and NumPy raise for a damaged or foreign file."""


def read_pattern(text: str) -> Pattern:
    """Return the pattern that the text names.

    Raises
    ------
    InputError
        If it names none, or what it names cannot be read or is no set of allowed pairs.
    """
    name, separator, rest = text.partition(":")
    if separator and name in _MODELS:
        return _MODELS[name](rest)
    path = Path(text)
    suffix = path.suffix.lower()
    if path.exists() or not separator:
        if suffix in _DESCRIPTIONS:
            return from_description(_mapping(path))
        if suffix in _MASKS:
            return _mask(path, suffix)
    raise InputError(
        f"PATTERN must be a file ({', '.join((*_DESCRIPTIONS, *_MASKS))}) or one of "
        f"{', '.join(f'{each}:...' for each in _MODELS)}, not {text!r}" + nearest(name, [*_MODELS])
    )


def _mapping(path: Path) -> Mapping[str, Any]:
    document = read_yaml(path)  # JSON is YAML too
    if not isinstance(document, dict):
        raise InputError(f"{path} must be a mapping, not {type(document).__name__}")
    return document


def _mask(path: Path, suffix: str) -> Pattern:
    from ..generators.salo.importers.boolean import from_boolean

    try:
        with warnings.catch_warnings(action="ignore"):
            if suffix == ".npy":
                # Mapped, not read: rows are looked at a few at a time.
                mask: Any = np.lib.format.open_memmap(path, mode="r")
            else:
                import torch

                mask = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} must be a readable file: {reason}") from error
    except _DAMAGED as error:
        kind = "array" if suffix == ".npy" else "tensor"
        raise InputError(
            f"{path} must hold one boolean {kind}, and cannot be read as one "
            f"({type(error).__name__})"
        ) from error
    if suffix == ".pt":
        _check_tensor(path, mask)
    return from_boolean(mask)


def _check_tensor(path: Path, value: Any) -> None:
    import torch

    if not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.is_meta:
        raise InputError(
            f"{path} must hold one boolean tensor, not a value of type {type(value).__name__}"
        )


def _longformer(text: str) -> Pattern:
    path, given = _parameters("longformer", "a config.json", text, ("tokens", "layer", "globals"))
    tokens, layer, mask = _number("tokens", given), _number("layer", given, 0), None
    check_range("tokens", tokens, 1, MAX_TOKENS)
    if "globals" in given:
        mask = [0] * tokens
        for token in _tokens(given["globals"], tokens):
            mask[token] = 1
    return from_longformer(_mapping(Path(path)), tokens, layer=layer, global_attention_mask=mask)


def _bigbird(text: str) -> Pattern:
    path, given = _parameters("bigbird", "a config.json", text, ("tokens", "seed"))
    seed = _number("seed", given) if "seed" in given else None
    return from_bigbird(_mapping(Path(path)), _number("tokens", given), seed=seed)


def _vil(text: str) -> Pattern:
    grid, given = _parameters("vil", "a grid such as 56x56", text, ("window", "globals"))
    return from_vil(*_grid(grid), _number("window", given), _number("globals", given, 1))


def _swin(text: str) -> Pattern:
    grid, given = _parameters("swin", "a grid such as 56x56", text, ("window", "shift"))
    return from_swin(*_grid(grid), _number("window", given), _number("shift", given, 0))


_MODELS: dict[str, Callable[[str], Pattern]] = {
    "longformer": _longformer,
    "bigbird": _bigbird,
    "vil": _vil,
    "swin": _swin,
}


def _parameters(
    name: str, first: str, text: str, known: tuple[str, ...]
) -> tuple[str, dict[str, str]]:
    """Take `FIRST,key=value,...` apart."""
    head, *rest = text.split(",")
    if not head or "=" in head:
        raise InputError(f"{name} must be followed by {first}, not {head!r}")
    given: dict[str, str] = {}
    for part in rest:
        key, separator, value = part.partition("=")
        if not separator or key not in known:
            raise InputError(
                f"parameters of {name} must be {', '.join(f'{each}=...' for each in known)}, not "
                f"{part!r}"
            )
        if key in given:
            raise InputError(f"{key} must be given once, not as {given[key]} and {value}")
        given[key] = value
    return head, given


def _number(name: str, given: Mapping[str, str], default: int | None = None) -> int:
    if name not in given:
        if default is None:
            raise InputError(f"{name} must be given: {name}=NUMBER")
        return default
    return _whole(name, given[name])


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise InputError(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _grid(text: str) -> tuple[int, int]:
    height, separator, width = text.partition("x")
    if not separator:
        raise InputError(f"grid must be HEIGHTxWIDTH in tokens, not {text!r}")
    return _whole("height of the grid", height), _whole("width of the grid", width)


def _tokens(text: str, count: int) -> list[int]:
    """Tokens of `0`, `0+17` or `0-15+99`."""
    chosen: list[int] = []
    for part in text.split("+"):
        first, separator, last = part.partition("-")
        low = _whole("globals", first)
        high = _whole("globals", last) if separator else low
        if low > high:
            raise InputError(f"globals must ascend, not {part!r}")
        if high >= count:
            raise InputError(f"globals must be from 0 to {count - 1}, not {high}")
        chosen += range(low, high + 1)
    return chosen

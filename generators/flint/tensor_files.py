"""Tensors out of `.pt` and `.npy` files, without running any code that a file may hold."""

from __future__ import annotations

import pickle
import struct
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError

__all__ = ["read_npy", "read_weights"]

_DEEPEST = 32
"""Nesting of the containers in a .pt file; a list may hold itself."""
_DAMAGED = (
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
)
"""What the readers of torch and NumPy raise for a damaged or foreign file."""


def read_npy(path: Path) -> Tensor:
    """Return the floating tensor of a `.npy` file.

    Raises
    ------
    InputError
        If the file cannot be read, holds objects, or its numbers are not floating-point.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            array = np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise _unopened(path, error) from error
    except _DAMAGED as error:
        raise InputError(f"{path} must be a .npy file of numbers, not {_reason(error)}") from error
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise InputError(f"{path} must hold float16, float32 or float64, not {array.dtype}")
    return torch.from_numpy(np.ascontiguousarray(array, array.dtype.newbyteorder("=")))


def read_weights(path: Path) -> tuple[list[tuple[str, Tensor]], list[tuple[str, str]]]:
    """Return the weights of a `.pt` file, and the name and reason of everything else in it.

    A weight is a dense floating tensor of two or more dimensions; names of nested ones are joined
    by dots.

    Raises
    ------
    InputError
        If the file cannot be read, needs more than weights-only loading, holds no weight, an empty
        one, or two of the same name.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            content = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise _unopened(path, error) from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} must be a weights-only .pt file (torch.save of a state dict), not "
            f"{_blocked(error)}"
        ) from error
    except _DAMAGED as error:
        raise InputError(f"{path} must be a .pt file of tensors, not {_reason(error)}") from error
    weights: dict[str, Tensor] = {}
    left_out = []
    for name, leaf in _leaves(content, "", path):
        reason = _why_not(leaf)
        if reason is not None or not isinstance(leaf, Tensor):
            left_out.append((name, reason or ""))
        elif name in weights:
            raise InputError(f"{path} must name each tensor once, not {name!r} twice")
        else:
            weights[name] = leaf.detach()
    if not weights:
        raise InputError(
            f"{path} must hold a floating tensor of 2 or more dimensions, not "
            + (f"only {left_out[0][0]!r} ({left_out[0][1]})" if left_out else "nothing")
        )
    return list(weights.items()), left_out


def _leaves(content: object, name: str, path: Path, depth: int = 0) -> Iterator[tuple[str, object]]:
    if depth > _DEEPEST:
        raise InputError(
            f"{path} must be nested at most {_DEEPEST} deep, not more at {name[:40]!r}"
        )
    items: list[tuple[object, object]]
    if isinstance(content, Mapping):
        items = list(content.items())
    elif isinstance(content, list | tuple):
        items = list(enumerate(content))
    else:
        yield name or path.stem, content
        return
    for key, value in items:
        yield from _leaves(value, f"{name}.{key}" if name else str(key), path, depth + 1)


def _why_not(leaf: object) -> str | None:
    """Return why a leaf is not quantised, or None if it is."""
    if not isinstance(leaf, Tensor):
        return f"not a tensor but {type(leaf).__name__}"
    if leaf.layout != torch.strided or leaf.is_meta:
        return "not a dense tensor"
    if leaf.is_quantized or not leaf.is_floating_point():
        return f"not floating-point but {str(leaf.dtype).removeprefix('torch.')}"
    if leaf.dim() < 2:
        return f"{leaf.dim()} dimensions: a bias, a norm or a number, not a weight"
    return None


def _unopened(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} must be a readable file: {error.strerror or error}")


def _blocked(error: pickle.UnpicklingError) -> str:
    """Return what a pickle asks for beyond tensors, out of torch's long message."""
    words = str(error).split("GLOBAL ")
    return (
        f"one that needs {words[1].split()[0]}" if len(words) > 1 else "a pickle of other objects"
    )


def _reason(error: BaseException) -> str:
    """Return the first line of a message, short enough for one line of ours."""
    lines = str(error).strip().splitlines()
    text = lines[0].strip() if lines else ""
    return f"{type(error).__name__}: {text[:120]}" if text else type(error).__name__

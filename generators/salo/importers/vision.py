"""Patterns of vision transformers, by their parameters."""

from __future__ import annotations

from ....errors import InputError
from ...checks import check_range
from ..pattern import MAX_TOKENS, Pattern
from ..terms import GlobalColumns, GlobalRows, Term, Window2d, Windows2d

__all__ = ["from_swin", "from_vil"]


def from_vil(height: int, width: int, window: int, global_tokens: int = 1) -> Pattern:
    """Return the pattern of a ViL layer: a window around each token, and leading global tokens.

    Parameters
    ----------
    height, width
        Of the grid, in tokens.
    window
        Its side, odd.
    global_tokens
        Tokens before the grid, which see all and are seen by all. The model projects them apart
        unless it shares weights: schedule with `global_row_kv` private to have it so.

    Raises
    ------
    InputError
        If a number is out of its range.
    """
    check_range("global_tokens", global_tokens, 0, MAX_TOKENS)
    terms: list[Term] = [Window2d(height, width, window, window, global_tokens)]
    if global_tokens:
        terms += [GlobalColumns(range(global_tokens)), GlobalRows(range(global_tokens))]
    tokens = global_tokens + height * width
    return Pattern(tokens, tokens, terms)


def from_swin(height: int, width: int, window: int, shift: int = 0) -> Pattern:
    """Return the pattern of a Swin layer: windows that do not overlap, shifted or not.

    The relative position bias of the model is not part of a pattern.

    Parameters
    ----------
    height, width
        Of the grid, in tokens: multiples of the window.
    window
        Its side.
    shift
        Of shifted windows, usually half a window; 0 for others.

    Raises
    ------
    InputError
        If a number is out of its range.
    """
    check_range("window", window, 1, MAX_TOKENS)
    for name, value in (("height", height), ("width", width)):
        if value % window:
            raise InputError(f"{name} must be a multiple of window = {window}, not {value}")
    grid = Windows2d(height, width, window, window, (shift, shift))
    return Pattern(height * width, height * width, [grid])

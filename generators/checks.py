"""Checks of plain values that several commands and generators are given."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError

__all__ = ["check_picture", "check_range"]


def check_range(field: str, value: int, low: int, high: int) -> None:
    """Refuse a whole number outside of `low..high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{field} must be a whole number from {low} to {high}, not {value!r}")


def check_picture(path: Path) -> None:
    """Refuse a file name that says no kind of picture."""
    if path.suffix not in (".svg", ".png"):
        raise InputError(f"picture must end in .svg or .png, not {str(path)!r}")

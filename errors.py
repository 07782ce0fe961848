"""The errors that a user meets, and the exit code of each."""

from __future__ import annotations

__all__ = ["CheckFailed", "InputError", "MissingToolError"]


class InputError(ValueError):
    """Bad input: one line that names the field or file, the value and what is allowed. Exit 2."""


class MissingToolError(InputError):
    """A program that the command needs is not installed; the line names the package. Exit 2."""


class CheckFailed(Exception):
    """The job ran and its verdict is no: mismatch, timing missed, proof refuted. Exit 1."""

"""The workload commands of the tiny generator."""

from __future__ import annotations

import errno

import typer

from gatewright.errors import CheckFailed, InputError

app = typer.Typer()


@app.callback()
def tiny() -> None:
    """Workloads of tiny."""


@app.command()
def add(left: int, right: int = 1, debug: bool = False) -> None:
    """Add two numbers."""
    typer.echo(left + right)


@app.command()
def fail(how: str, debug: bool = False) -> None:
    """End in one of the ways in which a command can end."""
    match how:
        case "check":
            raise CheckFailed("2 of 9 sums differ\nfirst: beat 3")
        case "input":
            raise InputError("tensor must be finite,\nnot nan")
        case "interrupt":
            raise KeyboardInterrupt
        case "system":
            raise OSError(errno.ENOSPC, "No space left on device", "/build")
    raise ZeroDivisionError("1/0")

"""Where errors end: every one becomes a single line on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
import warnings
from types import TracebackType
from typing import TYPE_CHECKING

from ..errors import CheckFailed, InputError

if TYPE_CHECKING:
    import typer

__all__ = ["run"]

DONE, FAILED, BAD_INPUT, FAULT, INTERRUPTED = 0, 1, 2, 70, 130
_BROKEN_PIPE = 141  # what a shell reports for a program that SIGPIPE ended


class _Boundary:
    """A context that turns what is raised in it into a line and an exit code.

    Not a chain of ``except`` clauses: what is not foreseen must be told as well, and
    distinguished from bad input.
    """

    def __init__(self, debug: bool) -> None:
        self.code = DONE
        self._debug = debug

    def __enter__(self) -> _Boundary:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None:
            return True
        if _is_broken_pipe(error):
            # The reader has gone (`gatewright list | head -1`): nothing is left to say, and the
            # interpreter must not try to flush into the closed pipe when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.code = _BROKEN_PIPE
            return True
        if isinstance(error, SystemExit):
            return False
        if self._debug:
            traceback.print_exception(kind, error, trace, file=sys.stderr)
        self.code, words = _told(error)
        print(words, file=sys.stderr)
        return True


def _is_broken_pipe(error: BaseException) -> bool:
    # Typer turns it into an exit of code 1, which here is a failed check.
    cause = error.__context__ if isinstance(error, SystemExit) else error
    return isinstance(cause, OSError) and cause.errno == errno.EPIPE


def _told(error: BaseException) -> tuple[int, str]:
    """Return the exit code of an error and what to say of it.

    One line; only a failed check may explain itself in several.
    """
    import typer

    match error:
        case CheckFailed():
            return FAILED, f"failed: {error}"
        case InputError():
            code, line = BAD_INPUT, f"error: {error}"
        case typer.TyperException():
            code, line = BAD_INPUT, f"error: {_usage(error)}"
        case KeyboardInterrupt() | typer.Abort():
            code, line = INTERRUPTED, "interrupted"
        case OSError():
            where = f"{error.filename}: " if error.filename is not None else ""
            code, line = BAD_INPUT, f"error: {where}{error.strerror or error}"
        case _:
            code, line = FAULT, (
                f"fault: {type(error).__name__}: {error} (a defect of gatewright: please report "
                "it with what --debug prints)"
            )
    return code, " ".join(line.split())


def _usage(error: typer.TyperException) -> str:
    """Return what the argument parser says as the end of a line: ``no such option: --x``.

    Of most values it tells what is allowed, but not what was given, which is told here.
    """
    from pydantic import ValidationError

    message = error.format_message()
    if isinstance(error.__cause__, ValidationError):
        wrong = error.__cause__.errors(include_url=False)[0]
        start, asked, allowed = wrong["msg"].partition("Input should ")
        if asked and not start:
            allowed = allowed.partition(", unable to parse")[0]
            message = f"{message.partition(': ')[0]}: must {allowed}, not {wrong['input']!r}"
    message = message.replace(": Value error, ", ": ").rstrip(".")
    return message[:1].lower() + message[1:]


def _tell_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning of a lower floor as a line for the user, not as one for a programmer."""
    print(f"warning: {' '.join(str(message).split())}", file=sys.stderr)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # an ASCII terminal gets ? for ×, not a traceback
    with warnings.catch_warnings(), _Boundary("--debug" in arguments) as boundary:
        warnings.showwarning = _tell_warning
        from .app import root

        code = root().main(arguments, prog_name="gatewright", standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        boundary.code = code or DONE
        sys.stdout.flush()
    return boundary.code

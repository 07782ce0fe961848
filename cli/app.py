"""The command tree, loaded as it is used: ``gatewright --help`` imports no command."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from ..errors import InputError
from ..generators.registry import generators, nearest

__all__ = ["COMMANDS", "Group", "root"]

# name -> the first line of its help. The command is the function of that name in the module of
# that name in this folder.
COMMANDS = {
    "list": "List the generators.",
    "describe": "Tell what a generator takes, and the ports and latency of what it makes.",
    "emit": "Write the Verilog and the manifest of a design.",
    "sim": "Simulate a design against its golden model.",
    "prove": "Prove what a generator claims of its hardware.",
    "mutate": "Tell how many wrong versions of a design its testbench finds.",
    "synth": "Synthesise a design: area, speed and power on a target.",
    "energy": "Tell the energy of an operation, the power, and which modules take it.",
    "explore": "Sweep a space of designs and print those that no other beats.",
    "report": "Query the results of all runs: tables, CSV, Parquet, and a page to look at.",
    "demo": "Give each generator its main job on real input, check every result and report it.",
    "doctor": "Tell which tools are installed, and what to install for the others.",
}

_SETTINGS = {"help_option_names": ["-h", "--help"]}


class Group(TyperGroup):
    """A group of commands that answers an unknown one with the nearest it knows."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            raise InputError(
                f"command must be one of {', '.join(known)}, not {args[0]!r}"
                + nearest(args[0], known)
            )
        return super().resolve_command(ctx, args)


class _Root(Group):
    """Our commands, and a group for each generator that has workload commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*COMMANDS, *_workloads()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS:
            module = import_module(f".{cmd_name}", __package__)
            app = _app()
            app.command(cmd_name)(vars(module)[cmd_name])
            return get_command(app)
        place = _workloads().get(cmd_name)
        if place is None:
            return None
        module_name, _, attribute = place.partition(":")
        return get_command(vars(import_module(module_name))[attribute])

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        # The base class imports every command to ask for its help.
        workloads = {name: f"Workloads of {name}." for name in _workloads()}
        with formatter.section("Commands"):
            formatter.write_dl(list((COMMANDS | workloads).items()))


def _workloads() -> dict[str, str]:
    """Where the group of each generator stands, by name, in alphabetical order."""
    return {
        name: generator.commands
        for name, generator in generators().items()
        if generator.commands is not None and name not in COMMANDS
    }


def _app() -> typer.Typer:
    # Plain help text: it keeps examples as they are written, and starts twice as fast as Rich.
    return typer.Typer(
        add_completion=False, rich_markup_mode=None, context_settings=_SETTINGS
    )


def _version(asked: bool) -> None:
    if asked:
        from .. import __version__

        typer.echo(f"gatewright {__version__}")
        raise typer.Exit


def root() -> Any:
    """Return the command that runs a whole command line."""
    app = typer.Typer(
        cls=_Root,
        add_completion=False,
        rich_markup_mode=None,
        context_settings=_SETTINGS,
        invoke_without_command=True,
    )

    @app.callback()
    def gatewright(
        context: typer.Context,
        version: Annotated[
            bool,
            typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
        ] = False,
    ) -> None:
        """Hardware generators: from a config or a workload to verified, placed Verilog.

        \b
        gatewright list
        gatewright describe flint
        gatewright emit flint -p rows=8 -p cols=8 -o build/array
        gatewright sim flint -c array.yaml
        gatewright synth flint -c array.yaml --target ecp5-45k

        Exit code 0: done. 1: a check failed. 2: bad input, told in one line.
        """
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())

    return get_command(app)

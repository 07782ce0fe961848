"""``gatewright emit``"""

from __future__ import annotations

from .console import Console
from .options import ConfigFile, Debug, Json, Name, Out, Params, Quiet
from .source import emit_design

__all__ = ["emit"]


def emit(
    name: Name,
    config: ConfigFile = None,
    param: Params = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the Verilog and the manifest of a design.

    The same config gives the same bytes, on any machine.

    \b
    Examples:
      gatewright emit flint
      gatewright emit flint -c examples/flint-8x8.yaml -o build/array
      gatewright emit flint -p rows=4 -p cols=4 -p types=int,flint -o build/small
    """
    build = emit_design(name, config, param, out)
    manifest = build.manifest
    console = Console(json=json, quiet=quiet)
    console.document(
        {
            "folder": str(build.folder),
            "manifest": str(build.folder / "manifest.json"),
            "design": manifest.design,
            "verilog": [str(path) for path in build.verilog],
            "config_hash": manifest.config_hash,
            "hash": manifest.hash,
        }
    )
    for path in build.verilog:
        console.say(f"{path}: {path.stat().st_size / 1000:.1f} kB")
    console.say(f"{build.folder / 'manifest.json'}: config {manifest.config_hash}")

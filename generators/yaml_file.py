"""YAML as the 1.2 core schema reads it, and strictly: what a person wrote is what the program gets.

PyYAML reads YAML 1.1: ``no`` is false, ``010`` is eight, ``1:30`` is ninety, ``1e3`` is text, and
of two equal keys the last one wins in silence. Here ``no`` is text, ``010`` is ten, ``1e3`` is a
number and a key given twice is refused.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError

__all__ = ["parse_yaml", "read_yaml"]

# Python refuses to print integers of more than 4300 digits; longer ones stay text.
_INTEGER = re.compile(r"[-+]?[0-9]{1,4000}|0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,3000}")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]{1,400}(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


class _Loader(yaml.SafeLoader):
    """The core schema of YAML 1.2; a mapping with a key twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key_node.value!r} is given twice", key_node.start_mark
                    )
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)

    def integer(self, node: yaml.ScalarNode) -> int:
        text = self.construct_scalar(node)
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


# None of the resolvers of YAML 1.1: those below are all there are.
_Loader.yaml_implicit_resolvers = {}


def _resolve(tag: str, pattern: re.Pattern[str], first: str) -> None:
    whole = re.compile(rf"(?:{pattern.pattern})\Z")
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", whole, list(first))


_resolve("bool", re.compile("true|True|TRUE|false|False|FALSE"), "tTfF")
_resolve("null", re.compile("~|null|Null|NULL|"), "~nN")
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"\Z"), [""])
_resolve("int", _INTEGER, "-+0123456789")
_resolve("float", _FLOAT, "-+0123456789.")
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.integer)


def parse_yaml(text: str, source: str) -> Any:
    """Return the document in ``text``; ``source`` names it in the one line of an `InputError`."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise InputError(f"{where}: must be valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{source}: must be valid YAML: {reason}") from error
    except RecursionError as error:
        raise InputError(f"{source}: must not be nested this deeply") from error


def read_yaml(file: Path) -> Any:
    """Return the document in ``file``; `InputError` if it cannot be read or is not YAML."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file}: must be a readable file: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: must be UTF-8 text: {error.reason}") from error
    return parse_yaml(text, str(file))

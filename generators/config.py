"""Configs: frozen, checked models of the parameters that a generator takes, and how to load one.

A config comes from a YAML file, from ``key=value`` overrides, or from both (an override wins).
Whatever is wrong with it is told in one line that names the file or ``-p``, the field, what is
allowed and the value.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails

from ..errors import InputError
from .artifacts import digest
from .config_fields import Schema, admits, allowed, follow, shown
from .registry import nearest
from .yaml_file import parse_yaml, read_yaml

__all__ = ["Config", "check_config", "config_hash", "load_config"]

_SCALARS = frozenset({"bool", "float", "int", "str"})
_NOT_TYPES = frozenset({"default", "metadata", "serialization"})


def _make_scalars_strict(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("type") in _SCALARS:
            node["strict"] = True
        for key, child in node.items():
            if key not in _NOT_TYPES:
                _make_scalars_strict(child)
    elif isinstance(node, list | tuple):
        for child in node:
            _make_scalars_strict(child)


class Config(BaseModel):
    """Base of every config: immutable, hashable, closed, and strict about numbers.

    ``"16"``, ``16.0`` and ``true`` are not integers, ``1`` is not a boolean. Containers and
    enums stay convenient: a list serves where a tuple is asked, a name where an enum is.
    Give each field a default, bounds and a description: ``gatewright describe`` and the error
    lines are made from them. Raise ValueError with a whole sentence from validators
    ("acc_width must be at least 20, not 16").
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        # ConfigDict(strict=True) would also refuse a list for a tuple and a name for an enum,
        # which is all that YAML can write.
        _make_scalars_strict(schema)
        return schema


AnyConfig = TypeVar("AnyConfig", bound=Config)


def config_hash(generator: str, config: Config) -> str:
    """Return the 16 hexadecimal digits that stand for a design: generator and config."""
    values = json.dumps(config.model_dump(mode="json"), separators=(",", ":"))
    return digest(generator, values)[:16]


def load_config(cls: type[AnyConfig], file: Path | None, overrides: Sequence[str]) -> AnyConfig:
    """Return a config made of ``file`` (YAML) and ``overrides``, which win.

    Parameters
    ----------
    cls
        The config class.
    file
        A YAML file holding one mapping, or None for the defaults.
    overrides
        ``key=value`` texts. The value is YAML; where the field is a list, ``a,b`` is one too.
        ``outer.inner=value`` reaches into a nested config.

    Raises
    ------
    InputError
        The file is unreadable or no YAML mapping, or a field is unknown, missing or wrong.
    """
    root = cls.model_json_schema()
    data = _mapping(read_yaml(file), str(file)) if file is not None else {}
    overridden: set[str] = set()
    for override in overrides:
        overridden.add(_apply(override, data, root))
    try:
        return cls.model_validate(data)
    except ValidationError as error:
        place = error.errors(include_url=False)[0]["loc"]
        of_file = file is not None and (not place or str(place[0]) not in overridden)
        source = str(file) if of_file else "-p" if overrides else cls.__name__
        raise InputError(f"{source}: {_told(error, root)}") from error


def check_config(cls: type[AnyConfig], values: object, source: str) -> AnyConfig:
    """Return a config of ``values``; ``source`` says where they are from.

    Raises
    ------
    InputError
        They are no mapping, or a field is unknown, missing or wrong.
    """
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{source}: {_told(error, cls.model_json_schema())}") from error


def _mapping(document: Any, source: str) -> dict[str, Any]:
    if document is None:  # an empty file, or comments only
        return {}
    if not isinstance(document, dict):
        raise InputError(f"{source}: must be a mapping of fields to values, not {shown(document)}")
    for key in document:
        if not isinstance(key, str):
            raise InputError(f"{source}: key must be a field name, not {shown(key)}")
    return document


def _apply(override: str, data: dict[str, Any], root: Schema) -> str:
    """Put one ``key=value`` into ``data``; return the outermost key."""
    key, separator, text = override.partition("=")
    path = key.strip().split(".")
    if not separator or not all(path):
        raise InputError(f"-p must be key=value, not {shown(override)}")
    schema: Schema = root
    for depth, name in enumerate(path):
        schema = _member(follow(schema, root), root, name, ".".join(path[:depth]))
    place = data
    for name in path[:-1]:
        inner = place.get(name)
        # A copy: the mapping may be shared by a YAML alias.
        place[name] = dict(inner) if isinstance(inner, dict) else {}
        place = place[name]
    place[path[-1]] = _value(text.strip(), schema, root, key.strip())
    return path[0]


def _member(schema: Schema, root: Schema, name: str, outer: str) -> Schema:
    members: dict[str, Schema] = {}
    for option in _options(schema, root):
        members |= option.get("properties", {})
    if name not in members:
        inside = f" of {outer}" if outer else ""
        known = ", ".join(members) or "(it has none)"
        raise InputError(
            f"-p: field{inside} must be one of {known}, not {name!r}{nearest(name, members)}"
        )
    return members[name]


def _options(schema: Schema, root: Schema) -> list[Schema]:
    alternatives = (*schema.get("anyOf", ()), *schema.get("oneOf", ()))
    return [schema, *(follow(option, root) for option in alternatives)]


def _value(text: str, schema: Schema, root: Schema, key: str) -> Any:
    is_list = admits(schema, root, "array")
    if is_list and "," in text and not text.startswith(("[", '"', "'")):
        return [parse_yaml(part.strip(), f"-p {key}") for part in text.split(",")]
    value = parse_yaml(text, f"-p {key}")
    bare = isinstance(value, str | int | float) and not any(
        admits(schema, root, kind) for kind in ("string", "integer", "number", "boolean")
    )
    return [value] if is_list and bare else value


def _told(error: ValidationError, root: Schema) -> str:
    """Return one line about the first wrong field, and how many others are wrong."""
    details = error.errors(include_url=False)
    others = len({detail["loc"][:1] for detail in details}) - 1
    return _line(details[0], root) + (f" (and {others} more)" if others else "")


def _line(detail: ErrorDetails, root: Schema) -> str:
    """Return one pydantic error as "<field> must be <allowed>, not <value>"."""
    kind, value = detail["type"], detail["input"]
    schema, name = _locate(detail["loc"], root)
    if kind in ("value_error", "assertion_error"):
        sentence = " ".join(str(detail["ctx"]["error"]).split())
        return f"{name} {sentence}" if sentence.startswith("must ") and name else sentence
    if kind == "missing":
        return f"{name} must be given: {allowed(schema, root)}"
    if kind == "extra_forbidden":
        *outer, last = detail["loc"]
        parent, inside = _locate(tuple(outer), root)
        known = list(parent.get("properties", {}))
        of = f" of {inside}" if inside else ""
        return (
            f"field{of} must be one of {', '.join(known)}, not {last!r}{nearest(str(last), known)}"
        )
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        union = schema["discriminator"]
        tag, known = union["propertyName"], list(union["mapping"])
        found = value.get(tag) if isinstance(value, dict) else value
        near = nearest(found, known) if isinstance(found, str) else ""
        return f"{name}.{tag} must be one of {', '.join(known)}, not {shown(found)}{near}"
    if name:
        return f"{name} must be {allowed(schema, root)}, not {shown(value)}"
    return f"config must be a mapping of fields to values, not {shown(value)}"


def _locate(location: tuple[int | str, ...], root: Schema) -> tuple[Schema, str]:
    """Return the schema at an error's location, and its name as a user would write it.

    In a union pydantic adds a tag for the member that it tried; a tag is no part of the name, but
    where a field tells the members apart it chooses one.
    """
    schema: Schema = root
    name = ""
    for step in location:
        options = _options(schema, root)
        if isinstance(step, int):
            lists = [option for option in options if option.get("type") == "array"]
            items = lists[0].get("items") or lists[0]["prefixItems"][step] if lists else {}
            schema, name = follow(items, root), f"{name}[{step}]"
            continue
        members = schema.get("discriminator", {}).get("mapping", {})
        if step in members:
            schema = follow({"$ref": members[step]}, root)
            continue
        for option in options:
            if step in option.get("properties", {}):
                schema = follow(option["properties"][step], root)
                name = f"{name}.{step}" if name else step
                break
    return schema, name

"""What a config class allows, in words: the same words for ``describe`` and for error lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

__all__ = ["Field", "admits", "allowed", "fields_of", "follow", "shown"]

Schema = Mapping[str, Any]

_LONGEST_VALUE = 60


@dataclass(frozen=True)
class Field:
    """One field of a config: its name, what it may be, its default and its meaning."""

    name: str
    allowed: str
    default: Any
    required: bool
    meaning: str
    schema: Schema


def shown(value: object) -> str:
    """Return ``repr(value)`` on one line, shortened so that an error stays readable."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def follow(schema: Schema, root: Schema) -> Schema:
    """Return the definition that a ``$ref`` points at, or ``schema`` itself."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def admits(schema: Schema, root: Schema, kind: str) -> bool:
    """Tell whether a value of JSON type ``kind`` can be right for ``schema``."""
    schema = follow(schema, root)
    return schema.get("type") == kind or any(
        admits(option, root, kind) for option in schema.get("anyOf", ())
    )


def _bounded(noun: str, schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        words = f"{noun} from {low} to {high}"
    else:
        limits = {"of at least": low, "above": above, "of at most": high, "below": below}
        given = [f"{word} {limit}" for word, limit in limits.items() if limit is not None]
        words = " ".join([noun, " and ".join(given)]) if given else noun
    return f"{words}, a multiple of {schema['multipleOf']}" if "multipleOf" in schema else words


def _list(schema: Schema, root: Schema) -> str:
    if "prefixItems" in schema:
        parts = ", ".join(allowed(item, root) for item in schema["prefixItems"])
        return f"a list of {len(schema['prefixItems'])}: {parts}"
    low, high = schema.get("minItems", 0), schema.get("maxItems")
    if low and low == high:
        count = f"exactly {low} "
    elif high is not None:
        count = f"{low} to {high} "
    else:
        count = f"{low} or more " if low else ""
    each = allowed(schema["items"], root) if schema.get("items") else "anything"
    return f"a list of {count}({each})"


def allowed(schema: Schema, root: Schema) -> str:
    """Return what a JSON schema allows, to follow "must be": ``an integer from 1 to 8``."""
    schema = follow(schema, root)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(allowed(option, root) for option in schema["anyOf"]))
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    match schema.get("type"):
        case "integer":
            return _bounded("an integer", schema)
        case "number":
            return _bounded("a number", schema)
        case "boolean":
            return "true or false"
        case "string":
            return f"text matching {schema['pattern']}" if "pattern" in schema else "text"
        case "array":
            return _list(schema, root)
        case "object":
            return "a mapping of " + ", ".join(schema.get("properties", ["names to values"]))
        case "null":
            return "null"
    if "discriminator" in schema:
        union = schema["discriminator"]
        return f"a mapping with {union['propertyName']} {' or '.join(union['mapping'])}"
    return "anything"


def fields_of(config: type[BaseModel]) -> list[Field]:
    """Return the fields of a config class, in the order of the class."""
    root = config.model_json_schema()
    required = root.get("required", [])
    return [
        Field(
            name=name,
            allowed=allowed(schema, root),
            default=schema.get("default"),
            required=name in required,
            meaning=" ".join(schema.get("description", "").split()),
            schema=schema,
        )
        for name, schema in root.get("properties", {}).items()
    ]

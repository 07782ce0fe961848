"""Random settings of every generator, from the schema of its config class, right and wrong ones.

A setting is any value of its field's declared range. What the ranges allow the generator may still
refuse; what a fault is in must be refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from gatewright.generators.registry import find

from .fuzz_designs import designs

__all__ = ["FAULTS", "as_params", "configs", "options", "properties", "spoiled"]

FAULTS = ("field", "kind", "range", "member", "syntax")
"""An unknown field, a value of another kind or out of range, an unknown member, no assignment."""

_LARGEST = 1 << 16
_MODULI = ("2^", "x+1", "-7", "0", "2.5", "2^99999", "no_such_prime", "")
_WRONG: dict[str, tuple[str, ...]] = {
    "integer": ("many", "2.5", "[1, 2]", "{a: 1}", "0x", "'3'"),
    "boolean": ("maybe", "7", "[]"),
    "array": ("7", "{}", "[[int]]"),
    "string": ("7", "2.5", "[a, b]", "true"),
}
"""What a field of a kind cannot be, as typed after -p."""


def properties(name: str) -> dict[str, Any]:
    """The fields of a generator's config, by name, as JSON schemas."""
    fields: dict[str, Any] = find(name).config().model_json_schema()["properties"]
    return fields


def options(schema: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """What a field can be, each a schema without alternatives."""
    if "$ref" in schema:
        known = find(name).config().model_json_schema()["$defs"]
        yield from options(known[schema["$ref"].rpartition("/")[2]], name)
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from options(each, name)
    else:
        yield schema


def _values(schema: Mapping[str, Any], name: str) -> st.SearchStrategy[Any]:
    return st.one_of([_plain(each, name) for each in options(schema, name)])


def _plain(schema: Mapping[str, Any], name: str) -> st.SearchStrategy[Any]:
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "integer":
            low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
            return st.integers(low, schema.get("maximum", max(low, _LARGEST)))
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            return st.lists(_values(schema["items"], name), min_size=1, max_size=4)
        case "string":
            return st.integers(2, 1 << 64).map(hex)
    raise AssertionError(f"a field must have a known kind: {schema}")


@st.composite
def configs(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Up to five settings, of any value that their fields declare."""
    fields = properties(name)
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), max_size=5, unique=True))
    if name == "modred":  # of the default modulus many methods have tables for minutes
        chosen = list(dict.fromkeys([*chosen, "modulus"]))
    return {field: draw(_values(fields[field], name)) for field in chosen}


@st.composite
def spoiled(draw: st.DrawFn, name: str) -> tuple[str, list[str]]:
    """A fault, and settings of a small design with that fault, as typed after -p."""
    right = {key: value for key, value in draw(designs(name)).items() if value is not None}
    fields = properties(name)
    fault = draw(st.sampled_from(FAULTS))
    kinds = {field: list(options(schema, name)) for field, schema in fields.items()}
    if fault == "field":
        near = draw(st.sampled_from(sorted(fields)))
        return fault, [*as_params(right), f"{draw(st.sampled_from(['colour', near + 's_']))}=1"]
    if fault == "syntax":
        field = draw(st.sampled_from(sorted(fields)))
        wrong = draw(st.sampled_from([field, "=3", f"{field}.x=3", f"{field}=[1", f"{field}: 3"]))
        return fault, [*as_params(right), wrong]
    if fault == "range":
        ends = [(field, end) for field, kind in kinds.items() for end in _beyond(kind)]
        field, value = draw(st.sampled_from(ends))
        return fault, as_params(right | {field: value})
    if fault == "member":
        closed = [f for f, kind in kinds.items() if all(_closed(e, name) for e in kind)]
        if closed:
            field = draw(st.sampled_from(closed))
            return fault, as_params(right | {field: "no_such_member"})
    field = draw(st.sampled_from(sorted(set(fields) - {"modulus"})))
    wrong = _wrong(kinds[field]) if name != "modred" or draw(st.booleans()) else ()
    if not wrong:
        return "kind", [*as_params(right), f"modulus={draw(st.sampled_from(_MODULI))}"]
    return "kind", [*as_params(right), f"{field}={draw(st.sampled_from(wrong))}"]


def _beyond(kinds: list[Mapping[str, Any]]) -> Iterator[int]:
    """Integers next to the range of a field that takes integers."""
    for each in kinds:
        if each.get("type") == "integer":
            if "minimum" in each:
                yield each["minimum"] - 1
            if "maximum" in each:
                yield each["maximum"] + 1


def _closed(schema: Mapping[str, Any], name: str) -> bool:
    """Whether a field, or each of its elements, has a few named values."""
    if schema.get("type") == "array":
        return all(_closed(each, name) for each in options(schema["items"], name))
    return "enum" in schema or "const" in schema or schema.get("type") == "null"


def _wrong(kinds: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """What none of a field's kinds is."""
    known = {kind["type"] for kind in kinds if kind.get("type") not in ("null", None)}
    if len(known) != 1:
        return ("{a: 1}",)
    (kind,) = known
    if kind == "integer" and any("enum" in each for each in kinds):
        return ("many", "[1, 2]")
    return _WRONG[kind]


def as_params(settings: Mapping[str, Any]) -> list[str]:
    """The settings as a user types them after -p; nulls are left out."""
    return [
        f"{key}={','.join(map(str, value)) if isinstance(value, list) else _word(value)}"
        for key, value in settings.items()
        if value is not None
    ]  # fmt: skip


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value)

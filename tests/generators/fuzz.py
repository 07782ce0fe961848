"""Random configs of every generator, from the schema of its config class.

A config sets some fields, each to any value of its declared range; sizes are capped where a
simulation is to be short. What the ranges allow the generator may still refuse: then in one line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from gatewright.generators.registry import find

__all__ = ["ALWAYS", "SMALL", "as_params", "configs"]

SMALL: dict[str, dict[str, tuple[int, int]]] = {
    "flint": {"rows": (1, 4), "cols": (1, 4), "max_k": (1, 64), "share": (1, 4),
              "requantizer_stages": (1, 5), "output_depth": (1, 16)},
    "modred": {"modulus": (2, 1 << 20), "width": (1, 48), "tree": (1, 6), "group_bits": (1, 6)},
    "tpe": {"rows": (1, 4), "cols": (1, 4), "depth": (1, 16), "lanes": (1, 4), "group": (1, 4),
            "a_width": (2, 9), "b_width": (2, 9), "exact_depth": (1, 1 << 12),
            "resolve_stages": (1, 4)},
    "salo": {"rows": (1, 6), "cols": (1, 6), "gather": (0, 2), "global_rows": (0, 2),
             "segments": (1, 3), "dk_max": (2, 16), "dv_max": (1, 16), "max_tokens": (2, 48),
             "program_words": (512, 1024), "reads": (1, 8), "lanes": (1, 6),
             "result_blocks": (1, 6), "block_keys": (1, 64)},
    "gnn": {"accumulator_words": (64, 256), "local_words": (64, 256), "edge_words": (64, 256),
            "weight_words": (512, 1024), "max_sources": (8, 64), "max_edges": (8, 64),
            "threads": (1, 3), "outstanding": (1, 8), "psum_rows": (4, 32)},
}  # fmt: skip
"""Ranges for designs that are simulated in seconds."""

ALWAYS: dict[str, dict[str, Any]] = {
    "flint": {"rows": 2, "cols": 2}, "modred": {"modulus": 40961}, "tpe": {"rows": 2, "cols": 2},
    "salo": {"rows": 4, "cols": 4, "dk_max": 8, "dv_max": 8, "max_tokens": 32,
             "program_words": 512},
    "gnn": {"preset": "tiny"},
}  # fmt: skip
"""What a small config has if it is not drawn."""

_LARGEST = 1 << 16


def values(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a field: those that its schema allows."""
    if "$ref" in schema:
        return values(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return st.one_of([values(each, definitions) for each in schema["anyOf"]])
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
            inner = values(schema["items"], definitions)
            return st.lists(inner, min_size=1, max_size=4)
        case "string":
            return st.integers(2, 1 << 64).map(hex)
    raise AssertionError(f"a field must have a known kind: {schema}")


@st.composite
def configs(draw: st.DrawFn, name: str, *, small: bool) -> dict[str, Any]:
    """Settings of a config."""
    schema = find(name).config().model_json_schema()
    definitions = schema.get("$defs", {})
    fields = schema["properties"]
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), max_size=5, unique=True))
    settings: dict[str, Any] = dict(ALWAYS[name] if small else {})
    if name == "modred" and "modulus" not in settings:
        chosen = list(dict.fromkeys([*chosen, "modulus"]))
    for field in chosen:
        if small and field == "preset":
            continue
        caps = SMALL[name].get(field) if small else None
        strategy = st.integers(*caps) if caps is not None else values(fields[field], definitions)
        settings[field] = draw(strategy)
    return settings


def as_params(settings: Mapping[str, Any]) -> list[str]:
    """The settings as a user types them after -p; nulls are left out."""
    return [
        f"{key}={','.join(map(str, value)) if isinstance(value, list) else _word(value)}"
        for key, value in settings.items()
        if value is not None
    ]  # fmt: skip


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

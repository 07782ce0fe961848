"""The results as one page that needs nothing but a browser: no network, no other file."""

from __future__ import annotations

from .render import render, write_page

__all__ = ["render", "write_page"]

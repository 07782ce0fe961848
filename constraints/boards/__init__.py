"""Boards: pin files by the names of docs/technology.md. Data only, no code."""

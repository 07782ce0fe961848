"""Modular reducers from tables, digits or constant multipliers, and what is built on them."""

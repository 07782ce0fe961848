"""Moduli of the modred generator: how one is written, and a catalogue of named ones."""

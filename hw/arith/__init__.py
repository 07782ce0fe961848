"""Arithmetic building blocks shared by all accelerators."""

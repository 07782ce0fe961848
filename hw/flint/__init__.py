"""Adaptive-type processing elements and their array (ANT)."""

"""Flows of the salo generator: schedules as files and pictures, attention on the model."""

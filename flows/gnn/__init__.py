"""Graph networks: training, and runs of programs on the engine."""

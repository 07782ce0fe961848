"""Generators: configs, how a config becomes hardware and a build folder, and the registry."""

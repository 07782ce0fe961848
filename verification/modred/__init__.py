"""Stimuli and testbench of modular reducers and of arithmetic modulo a constant."""

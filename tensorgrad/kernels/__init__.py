"""Kernels: arrays in, arrays out. NumPy only; no Tensor, no graph, no checks (the ops check first)."""

"""Faults done to a running engine, with the sandbox as judge: used by `bench faults` (long) and `tests/faults` (short)."""

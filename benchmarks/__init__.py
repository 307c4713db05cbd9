"""Benchmarks: each module prints one table and the command that repeats it; peers run beside us in the same run."""

"""Everybody who takes part in the benchmark, each with the same shapes of work and the same step."""

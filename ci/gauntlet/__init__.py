"""Gauntlet: a portable CI pipeline as Dagger functions."""

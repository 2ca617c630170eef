"""Gauntlet's engine."""

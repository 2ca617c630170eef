"""Gauntlet's checks."""

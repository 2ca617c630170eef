"""Gauntlet's buildkit."""

"""The command `gauntlet-engine`."""

"""How the wheel's contents are made: pinned inputs in, binaries and gRPC stubs out. Runs at build time only."""

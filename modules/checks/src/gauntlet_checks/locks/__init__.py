"""Lock files against their manifests: one module a family of formats. They need `packaging` (a pack has it)."""

"""Local Dagger modules in Python, run without the Dagger engine."""

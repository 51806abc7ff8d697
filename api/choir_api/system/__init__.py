"""Whether the process works, and how hard: outside of the versions."""

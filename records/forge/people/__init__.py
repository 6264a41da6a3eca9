"""The people who are filmed: drawn ones, and those of photographs."""

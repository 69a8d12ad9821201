"""A project's folder on disk."""

"""The scripts that make shipped tables."""

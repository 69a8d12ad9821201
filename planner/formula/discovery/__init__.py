"""Finding a formula from rows."""

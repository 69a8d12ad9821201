"""Static orders: search, exact solutions, bounds, tables."""

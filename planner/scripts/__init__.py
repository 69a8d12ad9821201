"""A plan becomes bash scripts."""

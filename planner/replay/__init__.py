"""Past jobs replayed under other ways to ask for memory. Pure: no clock, no files."""

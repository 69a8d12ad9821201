"""What past jobs would have come to under other ways to ask for memory. Pure: no clock, no files."""

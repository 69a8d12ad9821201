"""What past jobs used, wasted, and should have asked for. Pure: no clock, no files."""

"""From features to a memory request. Pure: no clock, no file system, no subprocess."""

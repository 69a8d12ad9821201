"""Memory models: from features to a request. Pure: no clock, no file system, no subprocess."""

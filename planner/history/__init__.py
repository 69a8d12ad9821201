"""What earlier jobs really used: readers and the store."""

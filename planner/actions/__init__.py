"""What a person can ask for, without a command line."""

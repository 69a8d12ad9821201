"""What a person can ask for, from the command line or from Python."""

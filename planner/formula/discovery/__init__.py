"""Search for a formula that fits rows of features and peaks."""

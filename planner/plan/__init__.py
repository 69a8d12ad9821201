"""Plans: from tasks, model and site. Pure: no clock, no file system, no subprocess."""

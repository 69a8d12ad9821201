"""From tasks, model and site to a plan. Pure: no clock, no file system, no subprocess."""

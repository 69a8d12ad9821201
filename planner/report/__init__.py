"""Tables for the terminal, plots and pages."""

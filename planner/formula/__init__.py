"""Memory formulas: arithmetic, files, calibration, use as a prior, export."""

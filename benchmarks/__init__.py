"""What is measured, and the figures that were."""

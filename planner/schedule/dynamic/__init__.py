"""The dynamic scheduler: one decision function, its beliefs, its simulator."""

"""Replay of past jobs under other strategies of requesting memory. Pure: no clock, no files."""

"""Talks to any step-compatible CA."""

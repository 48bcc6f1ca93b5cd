"""Drivers towards other servers."""

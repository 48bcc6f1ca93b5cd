"""Decisions about certificates, pure: no I/O, no clock, no chance."""

"""Joins decisions to ports; one module an operation family."""

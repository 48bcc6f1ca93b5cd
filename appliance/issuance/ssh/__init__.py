"""Decisions about SSH certificates."""

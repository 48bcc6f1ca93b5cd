"""Drivers of the store port."""

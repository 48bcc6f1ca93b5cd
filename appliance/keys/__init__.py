"""Drivers of the signer port."""

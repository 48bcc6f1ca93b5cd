"""Processes that do TLS, HTTP and cryptography for the one that has everything else."""

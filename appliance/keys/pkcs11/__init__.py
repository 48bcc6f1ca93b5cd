"""Tokens by their vendors' PKCS#11 modules, each in a process of its own."""

"""Badger's files (versions 1 and 2), read and never written, as step-ca leaves them."""

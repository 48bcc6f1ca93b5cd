"""The client's side of ACME (RFC 8555)."""

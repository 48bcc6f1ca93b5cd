"""What the ACME protocol decides: pure rules."""

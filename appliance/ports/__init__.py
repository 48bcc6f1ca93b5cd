"""The Protocols that the authority needs from the world."""

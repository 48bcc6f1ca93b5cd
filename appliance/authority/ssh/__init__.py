"""The SSH authority: user and host certificates."""

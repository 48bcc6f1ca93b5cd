"""SSH's own encodings: keys, signatures, certificates, revocation lists, the agent's messages."""

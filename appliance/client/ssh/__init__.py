"""SSH's side of a client: what it asks a CA for, and the agent that holds its keys."""

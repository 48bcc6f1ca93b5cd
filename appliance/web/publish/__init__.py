"""Front door for everybody: what the CA publishes, over TLS and over plain HTTP."""

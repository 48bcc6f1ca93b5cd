"""Who may ask for what: a token in, a Grant out. One module a type."""

"""The ceremony: how the keys of a CA are made, in steps that can be interrupted and resumed."""

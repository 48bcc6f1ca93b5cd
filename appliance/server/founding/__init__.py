"""The first run: from nothing to a CA, in steps that can be left and taken up again."""

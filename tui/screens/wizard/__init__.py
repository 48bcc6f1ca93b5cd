"""The steps of the first run, a screen each."""

"""A service of the one file: installed, upgraded with a way back, and removed."""

"""Values and the one error family: what every other layer may know."""

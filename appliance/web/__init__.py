"""The Quart-Trio application, its serving on Hypercorn's parts, and the front doors."""

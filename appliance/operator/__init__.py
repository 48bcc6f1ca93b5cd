"""What a person running the box can do: one interface for console, socket and command line."""

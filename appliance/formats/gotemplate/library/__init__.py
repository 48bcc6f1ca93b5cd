"""The functions that templates may call beside Go's builtins: sprig's and step's."""

"""The files of a LevelDB database, read as they are on disk: what of them is whole."""

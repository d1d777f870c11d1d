"""The animations that come with the program, one a file, each a plugin like anybody's."""

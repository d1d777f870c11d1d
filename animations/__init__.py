"""The built-in animations, one per file, each registered as a plugin like those of third parties."""

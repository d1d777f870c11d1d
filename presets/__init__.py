"""Output settings by name, one TOML file each."""

"""The included presets: named output settings, one TOML file each."""

"""The presets that are included: output settings by name, one TOML file each."""

"""How `gateway/openapi.json` is made: what the protos say, overlays, and recorded examples."""

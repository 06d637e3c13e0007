"""How the OpenAPI document is made: what the protos say, overlays, and recorded examples."""

"""The formats: one module each, each turning lines into entries."""

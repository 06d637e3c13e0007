"""All ways in for events: requests and files, checked, enriched and written in batches."""

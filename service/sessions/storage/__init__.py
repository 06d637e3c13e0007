"""All SQL of the service: rows in and out of PostgreSQL, domain types in and out of here."""

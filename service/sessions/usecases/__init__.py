"""One file for each thing that the service does; every way in calls these."""

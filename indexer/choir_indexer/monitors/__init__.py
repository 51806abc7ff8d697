"""Rules over the mirror that say when something is not as it should be, or merely unusual."""

"""The tutor."""

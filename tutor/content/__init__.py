"""Lessons and quizzes from YAML files, checked; course packs from outside; search over sections."""

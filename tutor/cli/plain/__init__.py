"""The tutor in spoken lines: no screen, no escape sequence, meaning in words rather than in layout."""

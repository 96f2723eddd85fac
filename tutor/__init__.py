"""qwtutor: learn how language models work, in a terminal, offline."""

__version__ = "0.1.0"

"""The marks that frames may set on what they show."""

# How a token, bar, node, cell or span is set apart. Meaning is never by colour alone: each has a sign of its own.
MARKS = ("", "new", "chosen", "kept", "cut", "good", "bad", "muted")

"""From data to lines: pure functions that know Rich's text and widths, never a screen.

Every function returns `list[rich.text.Text]`, one a line, none wider than the width it was given. The screens,
the command line and `--plain` all draw with these.
"""

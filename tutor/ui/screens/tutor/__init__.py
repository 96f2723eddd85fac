"""The tutor on screen: beside the text, or a screen of its own."""

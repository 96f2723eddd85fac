"""Small widgets that draw lines and repaint only the rows that change."""

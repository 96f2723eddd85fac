"""The labs: places to play with the loaded model, outside any lesson."""

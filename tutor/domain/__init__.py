"""What everything else speaks of: lessons, questions, frames, errors. Standard library and fsrs only."""

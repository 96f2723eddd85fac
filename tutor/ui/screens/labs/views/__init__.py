"""The views of the lab inside the model, one module each."""

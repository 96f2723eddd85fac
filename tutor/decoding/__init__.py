"""Greedy and sampling as pure steps over logits."""

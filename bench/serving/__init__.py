"""Applications that benches compare ours with."""

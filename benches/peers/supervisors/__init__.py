"""Supervisors side by side: what `benches/peers/supervise.py` is made of."""

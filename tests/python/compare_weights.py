"""Loads our .pth, checks it, and saves it again as PyTorch itself writes it."""
import sys

import torch

ours, theirs = sys.argv[1:]
weights = torch.load(ours, weights_only=True)
assert list(weights) == ["a_std_log", "net.0.weight", "net.0.bias"], list(weights)
assert weights["net.0.weight"].tolist() == [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]]
assert weights["net.0.weight"].dtype == torch.float32
linear = torch.nn.Sequential(torch.nn.Linear(3, 2))
linear.load_state_dict({"0.weight": weights["net.0.weight"], "0.bias": weights["net.0.bias"]})
torch.save(linear.state_dict(), theirs)
print(torch.__version__)

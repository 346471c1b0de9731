"""PyTorch's restricted loader opens our files and finds the weights of its own: THEIRS OURS …"""
import sys

import torch

paths = sys.argv[1:]
for theirs, ours in zip(paths[::2], paths[1::2], strict=True):
    theirs, ours = (torch.load(path, weights_only=True) for path in (theirs, ours))
    assert list(theirs) == list(ours), (list(theirs), list(ours))
    for name, tensor in theirs.items():
        assert tensor.dtype == ours[name].dtype and torch.equal(tensor, ours[name]), name

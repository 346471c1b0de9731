"""Makes the small networks of tests/golden/network with PyTorch itself, and what they answer.

Usage: python make_networks.py FOLDER   (any PyTorch since 1.6; made with 2.5.1)
"""
import json
import pathlib
import sys

import torch
from torch import nn

A, L, M = 3, 1, 20  # a width that is no multiple of any vector length
S = 1 + A + 11 * A * L


def chain(*sizes):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Net(nn.Module):
    def __init__(self, *sizes, std=False):
        super().__init__()
        if std:
            self.a_std_log = nn.Parameter(torch.full((1, sizes[-1]), -0.5))
        self.net = chain(*sizes)

    def forward(self, state):
        return self.net(state).tanh()


class Sac(nn.Module):
    def __init__(self):
        super().__init__()
        self.net_state = nn.Sequential(*chain(S, M, M), nn.ReLU())
        self.net_a_avg = chain(M, M, A)
        self.net_a_std = chain(M, M, A)

    def forward(self, state):
        return self.net_a_avg(self.net_state(state)).tanh()


class Twin(nn.Module):
    def __init__(self):
        super().__init__()
        self.net_sa = nn.Sequential(*chain(S + A, M, M), nn.ReLU())
        self.net_q1 = chain(M, M, 1)
        self.net_q2 = chain(M, M, 1)


folder = pathlib.Path(sys.argv[1])
torch.manual_seed(7)
torch.set_num_threads(1)
pairs = {
    "ppo": (Net(S, M, M, A, std=True), Net(S, M, M, 1)),
    "ddpg": (Net(S, M, M, M, A), Net(S + A, M, M, M, 1)),
    "td3": (Net(S, M, M, M, A), Twin()),
    "sac": (Sac(), Twin()),
}
for name, (actor, critic) in pairs.items():
    (folder / name).mkdir(parents=True, exist_ok=True)
    torch.save(actor.state_dict(), folder / name / "actor.pth")
    torch.save(critic.state_dict(), folder / name / "critic.pth")
    states = torch.cat([torch.zeros(1, S), torch.ones(1, S), torch.randn(4, S) * 3])
    with torch.no_grad():
        actions = actor(states)
        exact = actor.double()(states.double())
    assert (actions - exact).abs().max() < 1e-6
    rows = [
        {"state": [float(x) for x in state], "action": [float(x) for x in action]}
        for state, action in zip(states, actions)
    ]
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    (folder / name / "answers.json").write_text(text)
print(torch.__version__)

"""RNN, LSTM, GRU and their cells (notebooks/20_recurrent.ipynb)."""

import nptorch as torch
from nptorch import nn
from nptorch.bridge.layers import ordered, told
from nptorch.bridge.words import rows
from nptorch.checks import integer
from nptorch.lookup import chance
from nptorch.nn import functional as F


def _lstm(x, h, state):  # Source: Hochreiter and Schmidhuber, 1997; forget gate: Gers et al., 2000
    i, f, g, o = (x + h).chunk(4, -1)
    c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _gru(x, h, state):  # Source: Cho et al., 2014
    (r, z, n), (s, u, m) = x.chunk(3, -1), h.chunk(3, -1)
    z = (z + u).sigmoid()
    return (1 - z) * (n + (r + s).sigmoid() * m).tanh() + z * state[0],


_STEPS = {"tanh": lambda x, h, state: ((x + h).tanh(),), "LSTM": _lstm, "GRU": _gru,
         "relu": lambda x, h, state: ((x + h).relu(),)}
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
_USUAL = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0,
          "bidirectional": False, "nonlinearity": "tanh"}


class Recurrent(nn.Module):
    """All steps of input (time, ..., input_size), or (batch, time, input_size) if batch_first: h of
    every step, and the last state of every layer and direction. ValueError for a misfit. Takes
    input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
    bidirectional=False; an RNN has nonlinearity="tanh", or "relu", behind num_layers."""

    takes, end = "num_layers nonlinearity bias batch_first dropout bidirectional", "_l{}"

    @chance
    def __init__(self, *args, **given):
        names = self.takes if self.kind == "RNN" else self.takes.replace("nonlinearity", "")
        takes = ordered(f"input_size hidden_size {names}", _USUAL)
        vars(self).update(told(type(self).__name__, takes, args, given, "bias batch_first"))
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity: expected tanh or relu, got {self.nonlinearity!r}")
        F.dropout(torch.zeros(0), self.dropout)  # what is not a probability is refused at once
        width, h = (integer(name, vars(self)[name], 1) for name in ("input_size", "hidden_size"))
        self.ends = [[self.end.format(k) + way for way in ("", "_reverse")[:1 + self.bidirectional]]
                     for k in range(integer("num_layers", self.num_layers, 1))]
        for ends in self.ends:
            for end in ends:
                for name, *shape in [("weight_ih", width), ("weight_hh", h), ["bias_ih"],
                                     ["bias_hh"]][:4 if self.bias else 2]:
                    setattr(self, name + end, nn.Parameter(torch.zeros(self.gates * h, *shape)))
            width = h * len(ends)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw all parameters anew, evenly from ±1/sqrt(hidden_size)."""
        for p in self.parameters():
            nn.init.uniform_(p, -self.hidden_size**-0.5, self.hidden_size**-0.5)


def forward(self, input, hx=None):
    """The numbers (time, ..., directions · hidden_size), and the last state."""
    turned, last = int(self.batch_first and input.ndim > 2), []
    if input.ndim not in (2, 3) or input.shape[-1] != self.input_size or not input.shape[turned]:
        raise ValueError(f"input: expected one step or more, 2 or 3 dimensions, and the last of "
                         f"{self.input_size}, got {input.shape}")
    x, step = input.transpose(0, turned), _STEPS.get(self.kind) or _STEPS[self.nonlinearity]
    zero = torch.zeros(sum(map(len, self.ends)), *x.shape[1:-1], self.hidden_size, dtype=x.dtype)
    usual = [zero] * (1 + (self.kind == "LSTM"))
    states = usual if hx is None else [hx] if torch.is_tensor(hx) else [*hx]
    if [s.shape for s in states] != [s.shape for s in usual]:
        raise ValueError(f"hx: expected {'(h, c)' if usual[1:] else 'one Tensor'}, got "
                         f"{type(hx).__name__} of {len(states)}, of the shapes "
                         f"{[s.shape for s in states]}, not {zero.shape}")
    states, share = zip(*states), lambda x, end: F.linear(
        x, getattr(self, f"weight_{end}"), getattr(self, f"bias_{end}", None))
    for k, ends in enumerate(self.ends):
        x, parts = F.dropout(x, self.dropout if k else 0.0, self.training), []
        for end, turn in zip(ends, (1, -1)):
            state, steps = next(states), []
            for row in share(x, f"ih{end}")[::turn]:
                state = step(row, share(state[0], f"hh{end}"), state)
                steps.append(state[0])
            parts.append(torch.stack(steps[::turn]))
            last.append(state)
        x = torch.cat(parts, -1)
    state = tuple(torch.stack(s) for s in zip(*last))
    return x.transpose(0, turned), state if state[1:] else state[0]


Recurrent.forward, Recurrent.flatten_parameters = chance(forward), lambda self: None  # no order
Recurrent.extra_repr = lambda self: ", ".join([f"{self.input_size}, {self.hidden_size}"] + [
    f"{name}={getattr(self, name)}" for name, usual in _USUAL.items()
    if getattr(self, name) != usual and (name != "nonlinearity" or isinstance(self, Cell))])


class Cell(Recurrent):
    """One step: input (..., input_size) and a state, 0 if not given, to the next state. Takes
    input_size, hidden_size, bias=True; an RNNCell also nonlinearity="tanh", or "relu"."""

    takes, end = "bias nonlinearity", ""

    def forward(self, input, hx=None):
        if hx is not None:
            hx = [s.unsqueeze(0) for s in ([hx] if torch.is_tensor(hx) else hx)]
        state = super().forward(input.unsqueeze(0), hx)[1]
        return state[0] if torch.is_tensor(state) else tuple(s[0] for s in state)


rows({kind + end: type(kind + end, (base,), {
    **_USUAL, "kind": kind, "gates": gates, "__module__": "nptorch.nn"})
    for kind, gates in GATES.items() for end, base in (("", Recurrent), ("Cell", Cell))}, "nn")

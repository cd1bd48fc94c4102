"""RNN, LSTM, GRU and their cells (notebooks/19_layers.ipynb)."""

import nptorch as torch
from nptorch import nn
from nptorch.bridge.words import rows
from nptorch.nn import functional as F


def _lstm(x, h, state):
    i, f, g, o = (x + h).chunk(4, -1)
    c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _gru(x, h, state):
    (r, z, n), (s, u, m) = x.chunk(3, -1), h.chunk(3, -1)
    z = (z + u).sigmoid()
    return (1 - z) * (n + (r + s).sigmoid() * m).tanh() + z * state[0],


_relu = lambda x, h, state: ((x + h).relu(),)
KINDS = {"RNN": (1, lambda x, h, state: ((x + h).tanh(),)), "LSTM": (4, _lstm), "GRU": (3, _gru)}


class Recurrent(nn.Module):
    """All steps of input (time, ..., input_size), or (batch, time, input_size) if batch_first: h of
    every step, and the last state of every layer and direction. ValueError for a misfit."""

    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False,
                 dropout=0.0, bidirectional=False, *, nonlinearity="tanh", end="_l{}"):
        usual = ["tanh"] + ["relu"] * (self.kind == "RNN")
        if nonlinearity not in usual:
            raise ValueError(f"nonlinearity: expected one of {usual}, got {nonlinearity!r}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional, self.nonlinearity = bidirectional, nonlinearity
        self.ends = [[end.format(k) + way for way in ("", "_reverse")[:1 + bidirectional]]
                     for k in range(num_layers)]
        gates, width = KINDS[self.kind][0] * hidden_size, input_size
        for ends in self.ends:
            for end in ends:
                for name, *shape in [("weight_ih", gates, width), ("weight_hh", gates, hidden_size),
                                     ("bias_ih", gates), ("bias_hh", gates)][:4 if bias else 2]:
                    setattr(self, name + end, nn.Parameter(torch.zeros(*shape)))
            width = hidden_size * len(ends)
        self.reset_parameters()

    def _share(self, x, end):
        return F.linear(x, getattr(self, f"weight_{end}"), getattr(self, f"bias_{end}", None))


def forward(self, input, hx=None):
    """The numbers (time, ..., directions · hidden_size), and the last state."""
    turned, last = int(self.batch_first and input.ndim > 2), []
    x, step = input.transpose(0, turned), KINDS[self.kind][1]
    if self.nonlinearity == "relu":
        step = _relu
    zero = torch.zeros(sum(map(len, self.ends)), *x.shape[1:-1], self.hidden_size, dtype=x.dtype)
    states = (zero, zero) if hx is None else (hx,) if isinstance(hx, torch.Tensor) else hx
    if hx is not None and len(states) != 1 + (self.kind == "LSTM"):
        raise ValueError(f"hx: expected {'(h, c)' if self.kind == 'LSTM' else 'one Tensor'}, got "
                         f"{type(hx).__name__} of {len(states)}")
    if any(s.shape != zero.shape for s in states):
        raise ValueError(f"hx: expected shape {zero.shape}, got {[s.shape for s in states]}")
    states = zip(*states)
    for k, ends in enumerate(self.ends):
        x, parts = F.dropout(x, self.dropout if k else 0.0, self.training), []
        for end, turn in zip(ends, (1, -1)):
            state, steps = next(states), []
            for row in self._share(x, f"ih{end}")[::turn]:
                state = step(row, self._share(state[0], f"hh{end}"), state)
                steps.append(state[0])
            parts.append(torch.stack(steps[::turn]))
            last.append(state)
        x = torch.cat(parts, -1)
    state = tuple(torch.stack(s) for s in zip(*last))
    return x.transpose(0, turned), state if state[1:] else state[0]


def _reset(self):
    """Draw all parameters anew, evenly from ±1/sqrt(hidden_size)."""
    with torch.no_grad():
        for p in self.parameters():
            p.copy_((2 * torch.rand(*p.shape) - 1) * self.hidden_size**-0.5)


_USUAL = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
Recurrent.forward, Recurrent.reset_parameters = forward, _reset
Recurrent.flatten_parameters = lambda self: None  # they need no order in memory
Recurrent.extra_repr = lambda self: ", ".join([f"{self.input_size}, {self.hidden_size}"] + [
    f"{name}={vars(self)[name]}" for name in _USUAL if vars(self)[name] != _USUAL[name]])


class Cell(Recurrent):
    """One step: input (..., input_size) and a state, 0 if not given, to the next state."""

    def __init__(self, input_size, hidden_size, bias=True, **options):
        super().__init__(input_size, hidden_size, bias=bias, end="", **options)

    def forward(self, input, hx=None):
        if hx is not None:
            hx = [s.unsqueeze(0) for s in ([hx] if torch.is_tensor(hx) else hx)]
        state = super().forward(input.unsqueeze(0), hx)[1]
        return state[0] if torch.is_tensor(state) else tuple(s[0] for s in state)

    def extra_repr(self):
        return super().extra_repr() + ", nonlinearity=relu" * (self.nonlinearity == "relu")


def _rnn(self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", *args, **options):
    Recurrent.__init__(self, input_size, hidden_size, num_layers, *args,
                       nonlinearity=nonlinearity, **options)


rows({kind + end: type(kind + end, (base,), {"kind": kind, "__module__": "nptorch.nn"})
      for kind in KINDS for end, base in (("", Recurrent), ("Cell", Cell))}, "nn")
nn.RNN.__init__ = _rnn
nn.RNNCell.__init__ = lambda self, input_size, hidden_size, bias=True, nonlinearity="tanh": (
    Cell.__init__(self, input_size, hidden_size, bias, nonlinearity=nonlinearity))

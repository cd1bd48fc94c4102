"""Where two parts meet, say a schedule and a frozen layer: small programs and what they end with.

The answers are PyTorch's, and are held against torch itself, if that is installed.
"""

import copy
import importlib
import io
import pickle
import textwrap

import numpy as np
import pytest

PROGRAMS = {
    "a gradient of inf meets a unit of relu that is silent": ("""
        x = m.tensor([-1.0, 2.0], requires_grad=True)
        m.sqrt(m.relu(x)).sum().backward()
        answer = x.grad.tolist()""", [0.0, 0.5 * 2**-0.5]),
    "the same for an array so large that relu clips it": ("""
        x = m.full((5000,), -1.0, requires_grad=True)
        m.log(m.relu(x)).sum().backward()
        answer = x.grad.sum().item()""", 0.0),
    "a nan passes relu, forward and back": ("""
        x = m.tensor([float("nan"), 1.0], requires_grad=True)
        m.relu(x).sum().backward()
        answer = x.grad.tolist()""", [1.0, 1.0]),
    "an optimizer writes between two walks": ("""
        w, x = m.tensor([2.0], requires_grad=True), m.tensor([3.0], requires_grad=True)
        y = (w * x).sum()
        y.backward(retain_graph=True)
        m.optim.{kind}([w], lr=0.1).step()
        y.backward()""", RuntimeError),
    "a hook is called in each walk, whatever array arrives": ("""
        x, seen = m.ones(2, requires_grad=True), []
        y = x * 2
        y.register_hook(lambda g: seen.append(g.tolist()))
        g = m.ones(2)
        y.backward(g, retain_graph=True)
        g.mul_(3.0)
        y.backward(g)
        answer = seen, x.grad.tolist()""", ([[1.0, 1.0], [3.0, 3.0]], [8.0, 8.0])),
    "so is a Function's backward": ("""
        class Double(m.autograd.Function):
            @staticmethod
            def forward(ctx, a, b):
                return a * 2 + b

            @staticmethod
            def backward(ctx, g):
                return g * 2, g

        x, z, g = m.ones(2, requires_grad=True), m.ones(2, requires_grad=True), m.ones(2)
        y = Double.apply(x, z)
        y.backward(g, retain_graph=True)
        g.mul_(3.0)
        y.backward(g)
        answer = x.grad.tolist(), z.grad.tolist()""", ([8.0, 8.0], [4.0, 4.0])),
    "a leaf is frozen between the two ways": ("""
        x = m.ones(2, requires_grad=True)
        y = x * 2
        x.requires_grad_(False)
        y.sum().backward()
        answer = x.grad""", None),
    "recording is set inside of two blocks": ("""
        answer = []
        with m.no_grad():
            with m.no_grad():
                m.set_grad_enabled(True)
            answer.append(m.is_grad_enabled())
        answer.append(m.is_grad_enabled())
        m.set_grad_enabled(False)
        with m.no_grad():
            m.set_grad_enabled(True)
        answer.append(m.is_grad_enabled())
        m.set_grad_enabled(True)""", [False, True, False]),
    "a half's squares overflow, its norm does not": ("""
        x = m.tensor([-300.0, 300.0, 0.0]).half()
        answer = F.layer_norm(x, (3,)).tolist()""", [-1.224609375, 1.224609375, 0.0]),
    "a long gradient of halves": ("""
        p = m.zeros(100_000).half().requires_grad_()
        p.sum().backward()
        norm = m.nn.utils.clip_grad_norm_([p], 1.0).item()
        answer = round(norm, 1), round(p.grad[0].item(), 4)""", (316.2, 0.0032)),
    "gradients of two dtypes": ("""
        a, b = m.zeros(2, requires_grad=True), m.zeros(2).double().requires_grad_()
        (a.sum() * 3 + b.sum() * 4).backward()
        norm = m.nn.utils.clip_grad_norm_([a, b], 1.0)
        answer = norm.dtype == m.float64, round(norm.item(), 6)""", (True, 7.071068)),
    "a copy has no hooks": ("""
        layer, seen = m.nn.Linear(1, 1), []
        layer.weight.register_hook(lambda g: seen.append(1))
        copy.deepcopy(layer)(m.ones(1, 1)).sum().backward()
        pickle.loads(pickle.dumps(layer))(m.ones(1, 1)).sum().backward()
        file = io.BytesIO()
        m.save(layer.state_dict(), file)
        answer = seen""", []),
    "a schedule of a group whose rate is 0": ("""
        p = m.zeros(1, requires_grad=True)
        o = m.optim.SGD([p], lr=0.0)
        s = m.optim.lr_scheduler.CosineAnnealingLR(o, 10)
        o.step()
        s.step()
        answer = s.get_last_lr()""", [0.0]),
    "a sampler yields keys of its own": ("""
        class Pairs(m.utils.data.Dataset):
            def __getitem__(self, key):
                return 10 * key[0] + key[1] if isinstance(key, tuple) else -1

            def __len__(self):
                return 2

        loader = m.utils.data.DataLoader(Pairs(), batch_size=2, sampler=[(0, 1), (2, 3)])
        answer = [x.tolist() for x in loader]""", [[1, 23]]),
    "a collate_fn asks for many at once": ("""
        class Many(m.utils.data.Dataset):
            def __getitem__(self, i):
                return i

            def __getitems__(self, group):
                return [100 + i for i in group]

            def __len__(self):
                return 2

        answer = [*m.utils.data.DataLoader(Many(), batch_size=2, collate_fn=list)]""",
                                           [[100, 101]]),
}
NEARLY = {name for name in PROGRAMS if "silent" in name or "overflow" in name}
KINDS = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta"]


def ends_with(library, program, **words):
    """Run a program in one of the libraries; return its answer, or the class of its error."""
    names = {"m": importlib.import_module(library), "copy": copy, "io": io, "pickle": pickle,
             "F": importlib.import_module(f"{library}.nn.functional")}
    program = textwrap.dedent(program)
    for word, value in words.items():
        program = program.replace(f"{{{word}}}", value)
    try:
        with np.errstate(all="ignore"):
            exec(program, names)
    except RuntimeError:
        return RuntimeError
    return names["answer"]


@pytest.mark.parametrize("library", ["nptorch", "torch"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name, library):
    pytest.importorskip(library)
    program, answer = PROGRAMS[name]
    for kind in KINDS if "{kind}" in program else [""]:
        found = ends_with(library, program, kind=kind)
        assert found == (pytest.approx(answer) if name in NEARLY else answer)

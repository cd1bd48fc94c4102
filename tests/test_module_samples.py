"""PyTorch's own samples of its modules and optimizers, run by both libraries: what nptorch does not
refuse has PyTorch's outputs, gradients, state_dict, text and path, and what PyTorch refuses is
refused; but for KNOWN, of which docs/differences.md tells.

    python tests/test_module_samples.py [NAME ...]     says what came of the samples
"""

import collections
import copy
import functools
import re
import sys
import types
import unittest
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from test_samples import copied, differs, outcome

import nptorch

KNOWN = {  # what came of a sample: the words of the page that say so
    r".* refused: TypeError: \w+: nptorch has only (None|False|0)": "PyTorch's usual value alone",
    r"MultiheadAttention refused: .*key_padding_mask": "One mask, `attn_mask`, says who may look",
    r"BatchNorm\dd refused: .*('bias'|positional)": "and has weight and bias together",
    r"BatchNorm\dd refused: .*two numbers a feature": "A batch of nothing has no mean",
    r"BatchNorm\dd accepted: .* but got 0.0": "BatchNorm1d(1, eps=0.0)",
    r"Linear refused: .*'input'": "A layer of the notebooks takes its input by its place",
    r"(RNN|LSTM|GRU) accepted: .*does not match weight dtype": "Operands of two kinds of floats",
    r"HuberLoss accepted: .*complex": "There are no complex numbers",
    r"(Max|Avg)Pool.* shows|(BatchNorm|LayerNorm|Embed|GELU).* shows": "are shorter, too",
    r"(Lazy)?Conv\dd shows: .*padding=\(1": '`"same"` and `"valid"` are worked out',
    r"SGD\(\{'momentum[^)]*\) (Step|Linear)LR differs": "The velocity has the unit of a step",
    r"\w+\(.* refused: TypeError: lr: expected a number, got tensor": "A rate is a number",
}

WRONG = "as refused", "accepted"  # what PyTorch refuses, and what of it nptorch does not


def module(library, torch, name, sample, dtype, training, weights):
    """What a module shows and gives, and the weights that it began with."""
    ways = sample.constructor_input, sample.forward_input
    given = [([], {}) if way is None else ([*way.args], way.kwargs) for way in ways]
    (own, settings), (args, options) = [copied(list(g), library, torch, {}) for g in given]
    m = getattr(library.nn, name)(*own, **settings).to(getattr(library, dtype)).train(training)
    if ways[1] is None:
        return str(m), ([], [], None)
    if "Lazy" in name:
        m(*args, **options)
    if weights:
        m.load_state_dict(weights)
    else:
        weights.update({k: v.numpy().copy() for k, v in m.state_dict().items()})
    values, grads, _ = outcome(m, args, options)
    values += [v.detach().numpy() for v in m.state_dict().values()]
    grads += [None if p.grad is None else p.grad.numpy() for p in m.parameters()]
    text = str(m).replace("NonDynamicallyQuantizable", "")
    return text, (values, grads, [*m.state_dict()])


def path(library, torch, name, given, dtype, groups, plan, none):
    """The parameters of a net after each of some steps, and the names of what is remembered."""
    rng, nn, kind = np.random.default_rng(0), library.nn, getattr(library, dtype)
    draw = lambda *size: library.tensor(rng.normal(size=size), dtype=kind)
    net = nn.Linear(3, 2)  # so that LBFGS ends where it does not hang on rounding
    if name != "LBFGS":
        net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x, y, params = draw(5, 3), draw(5, 2), list(net.parameters())
    for p in params:
        p.data = draw(*p.shape)
    parts = [{"params": params[:1], "lr": 0.02, "weight_decay": 0.1}, {"params": params[1:]}]
    given, found = copied(given, library, torch, {}), []

    def begin():
        made = getattr(library.optim, name)(parts if groups else params, **given)
        return made, *[getattr(library.optim.lr_scheduler, kind)(made, *numbers)
                       for kind, *numbers in plan]

    def closure():
        optimizer.zero_grad(**none)
        loss = ((net(x) - y) ** 2).mean()
        loss.backward()
        return loss

    optimizer, *plans = begin()
    for n in range(7):
        if n == 3:  # begin anew, with what is saved
            saved = [copy.deepcopy(part.state_dict()) for part in (optimizer, *plans)]
            optimizer, *plans = begin()
            for part, state in zip((optimizer, *plans), saved):
                part.load_state_dict(state)
        if name == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        found += [p.detach().numpy().copy() for p in params]
        found += [np.array(p.get_last_lr(), float) for p in plans if p.step() is None]
    kept = {i: sorted(state) for i, state in optimizer.state_dict()["state"].items()}
    return "" if name in ("SGD", "LBFGS") else str(kept), (found, [], None)


def begun(library, torch, name, *given):
    """Nothing but an optimizer that begins."""
    params, settings = copied([*given], library, torch, {})
    getattr(library.optim, name)(params, **settings)
    return "", ([], [], None)


def came(f, torch, name, *args):
    """What came of f in both libraries: a word, and why."""
    results = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for library in torch, nptorch:
            try:
                results.append(f(library, torch, name, *args))
            except Exception as error:
                results.append(error)
    theirs, mine = results
    said = lambda error: f"{type(error).__name__}: {error}"
    if isinstance(theirs, Exception):
        kinds = (type(theirs), *[ValueError, TypeError] * (type(theirs) is not RuntimeError))
        return ("as refused", "") if isinstance(mine, kinds) else ("accepted", said(theirs))
    if isinstance(mine, Exception):
        return "refused", said(mine)
    if difference := differs(name, theirs[1], mine[1]):
        return "differs", difference
    return ("same", "") if theirs[0] == mine[0] else ("shows", mine[0])


@functools.cache
def ran(only=()):
    """{(class and settings, what came of it, why): how many samples}."""
    torch = pytest.importorskip("torch")
    threads, _ = torch.get_num_threads(), torch.set_num_threads(1)  # of small things
    sys.modules.setdefault("expecttest", types.SimpleNamespace(TestCase=unittest.TestCase))
    from torch.testing._internal import common_modules, common_optimizers

    counts, dtypes = collections.Counter(), ("float32", "float64")
    for info, dtype in product(common_modules.module_db, dtypes):
        name, kind = info.module_cls.__name__, getattr(torch, dtype)
        if not hasattr(nptorch.nn, name) or (only and name not in only):
            continue
        for training in (True, False)[:1 + info.train_and_eval_differ]:
            torch.manual_seed(0)
            for samples in info.module_inputs_func, info.module_error_inputs_func:
                for sample in samples(info, "cpu", kind, True, training) if samples else ():
                    wrong = getattr(sample, "module_error_input", None)
                    what = came(module, torch, name, wrong or sample, dtype, training, {})
                    counts[(name, *what)] += not wrong or what[0] in WRONG
    plans = [(), [("StepLR", 2, 0.5)], [("LinearLR", 0.4, 1.0, 4)]]
    ways = [(False, plan, {}) for plan in plans] + [
        (True, plans[1], {}), (True, (), {}), (False, (), {"set_to_none": True})]
    for info, dtype in product(common_optimizers.optim_db, dtypes):
        name = info.optim_cls.__name__
        if not hasattr(nptorch.optim, name) or (only and name not in only):
            continue
        for sample, (groups, plan, none) in product(
                info.optim_inputs_func("cpu"), ways[:2] if name == "LBFGS" else ways):
            what = came(path, torch, name, sample.kwargs, dtype, groups, plan, none)
            label = f"{name}({sample.kwargs}) {'groups' * groups}{plan[0][0] if plan else ''}"
            counts[(label, *what)] += 1
        for sample in info.optim_error_inputs_func("cpu", getattr(torch, dtype)):
            wrong = sample.optimizer_error_input
            what = came(begun, torch, name, wrong.params or [torch.zeros(1)], wrong.kwargs)
            counts[(f"{name}({wrong.kwargs})", *what)] += what[0] in WRONG
    torch.set_num_threads(threads)
    return counts


def test_whatever_is_not_the_same_is_on_the_page():
    page = (Path(__file__).parent.parent / "docs/differences.md").read_text(encoding="utf-8")
    found = {f"{name} {what}: {why}" for (name, what, why), n in ran().items()
             if n and what not in ("same", "as refused")}
    assert [line for line in found if not any(re.match(known, line) for known in KNOWN)] == []
    assert [known for known in KNOWN if not any(re.match(known, line) for line in found)] == []
    assert [words for words in KNOWN.values() if words not in page] == []


def test_most_samples_run():
    kinds = collections.Counter()
    for (name, what, _), n in ran().items():
        kinds["(" in name, what] += n
    modules, optimizers = ({what: n for (at, what), n in kinds.items() if at is of}
                           for of in (False, True))
    assert len({re.match(r"\w+", name)[0] for name, *_ in ran()}) >= 53
    assert modules["same"] + modules["shows"] >= 890 > 2.5 * modules["refused"]
    assert optimizers["same"] >= 348 > 2 * optimizers["refused"]
    assert modules["as refused"] >= 222 and optimizers["as refused"] >= 102


if __name__ == "__main__":
    for (name, what, why), n in sorted(ran(tuple(sys.argv[1:])).items()):
        if n:
            print(f"{name:24} {what:10} {n:3} {why[:150]!r}")

"""What editors are told: the stub of a Tensor is complete, and paints no correct code red."""

import ast
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import nptorch
import nptorch.bridge
from nptorch import Tensor

STUB = Path(nptorch.__file__).with_name("autograd.pyi")
RIGHT = """
import numpy as np
import nptorch as torch
from nptorch import nn
from nptorch.nn import functional as F

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.out = nn.Linear(width, 10)

    def forward(self, x):
        return self.out(F.relu(x) * self.scale)

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 32), Net(32))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
optimizer.param_groups[0]["lr"] = 0.2
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95))
groups = [{"params": model[0].parameters()}, {"params": model[1].parameters(), "lr": 1e-2}]
optimizer = torch.optim.Adam(groups, lr=1e-3)
optimizer.load_state_dict(optimizer.state_dict())
for group in optimizer.param_groups:
    group["lr"] *= 0.5
plans = torch.optim.lr_scheduler
rise = plans.LinearLR(optimizer, start_factor=0.1, total_iters=2)
fall = plans.LambdaLR(optimizer, [lambda n: 0.9**n, lambda n: 1 / (1 + n)])
scheduler = plans.SequentialLR(optimizer, [rise, fall], milestones=[2])
scheduler.load_state_dict(scheduler.state_dict())
x, y = torch.randn(8, 64), torch.arange(8)
for step in range(3):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    print(norm.item(), scheduler.get_last_lr()[0], optimizer.lr, len(optimizer.state))
    print(step, f"{loss.item():.3f}", float(loss))

z = x.exp() * 2 + x[0] - 1 / (x * x + 1).sqrt().sum(1, keepdim=True) @ x.T[:, :1].T
w = torch.tensor([3.0], requires_grad=True)
(w * w).sum().backward()
w.data -= 0.1 * w.grad.data
with torch.no_grad():
    w -= 0.1 * w.grad
    rate = (model(x).argmax(1) == y).float().mean().item()
values, indices = torch.max(x, 1)
if rate > 0.5 and (x > 0).sum() > 3:
    print(x.shape[0], np.exp(x.numpy()), [row.tolist() for row in x])

@torch.no_grad()
def predict(images):
    return model(images).softmax(1)

print(predict(x).max())
"""
WRONG = [
    "torch.randn(3).expp()",
    "torch.randn(3).sum(1, 2, 3, 4)",
    "torch.randn(3).relu().exp(2)",
    "torch.randn(3).shape.append(3)",
    "torch.cosine(3)",
]


def public(names):
    return {name for name in names if not name.startswith("_")}


def operators(names):
    return {name for name in names if name.startswith("__")}


def defined(body):
    """The names that statements define: functions, classes, variables, imports under a name."""
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.ClassDef():
                yield statement.name
            case ast.Assign():
                yield from (target.id for target in statement.targets)
            case ast.AnnAssign():
                yield statement.target.id
            case ast.ImportFrom():
                yield from (alias.asname for alias in statement.names if alias.asname)


def stub():
    """The statements of the stub, and those of its class Tensor."""
    module = ast.parse(STUB.read_text(encoding="utf-8")).body
    return module, next(s.body for s in module if getattr(s, "name", None) == "Tensor")


def test_the_stub_has_every_attribute_of_a_tensor_and_no_other():
    _, tensor = stub()
    assert public(defined(tensor)) == public(dir(Tensor(0)))


def test_the_stub_has_every_operator_of_a_tensor_and_no_other():
    comparisons = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}
    plain = vars(type("Plain", (), {}))  # what every class has, on this Python
    unsaid = {*dir(object), *plain, "__static_attributes__", "__firstlineno__",
              "__array_ufunc__", "__getattr__",
              "__slotnames__"}  # pickle leaves the last one
    _, tensor = stub()
    told, bound = set(defined(tensor)), set(vars(Tensor))
    assert comparisons <= told & bound
    assert operators(told) - unsaid == operators(bound) - unsaid


def test_the_stub_has_every_name_of_its_module_and_no_other():
    module, _ = stub()
    told = public(defined(module)) - {"P", "F"}
    here = public(name for name, x in vars(nptorch.autograd).items() if not inspect.ismodule(x))
    assert told <= here
    assert here - told <= set(dir(Tensor))  # a function that is a method is told of there


def pyright(folder, program):
    """What pyright says of a program that lies in an otherwise empty folder."""
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    (folder / "program.py").write_text(program, encoding="utf-8")
    call = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "program.py"]
    result = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode not in (0, 1):  # it fetches its own Node.js where there is none
        pytest.skip(f"pyright does not run here: {result.stderr.strip()[-200:]}")
    return result.stdout


def test_pyright_finds_no_error_in_correct_code(tmp_path):
    exec(RIGHT, {})
    assert "0 errors, 0 warnings" in pyright(tmp_path, RIGHT)


def test_pyright_finds_wrong_code(tmp_path):
    said = pyright(tmp_path, "\n".join(["import nptorch as torch", *WRONG]))
    lines = {int(line.split(":")[1]) for line in said.splitlines() if "program.py:" in line}
    assert lines == set(range(2, len(WRONG) + 2)), said

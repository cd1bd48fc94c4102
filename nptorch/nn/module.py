"""Module, a function with parameters, and what holds modules (notebooks/03_module.ipynb)."""

from collections import namedtuple
from reprlib import recursive_repr

import numpy as np

from nptorch.autograd import Tensor, no_grad


class Parameter(Tensor):
    """A Tensor that a Module owns and training changes: it requires grad from the start."""

    def __init__(self, data, requires_grad=True):
        super().__init__(data, requires_grad)

    def __repr__(self):
        return f"Parameter containing:\n{super().__repr__()}"


class ShapeError(ValueError):
    """ShapeError(module, label, got, expected): an input that does not fit a module."""

    path = ""  # of the module, with which the message begins

    def __str__(self):
        _, label, got, expected = self.args
        where = f"{self.path} ({label})" if self.path else label
        return f"{where}: got {got}, expected {expected}"


def _held(module, kind):
    """(name, value) for every attribute of module of this kind, in the order they were set."""
    return [(name, value) for name, value in vars(module).items() if isinstance(value, kind)]


class Module:
    """A function with parameters: a subclass sets Parameters and Modules as attributes and
    defines forward. A plain list hides the modules in it: use ModuleList or Sequential."""

    training = True

    def forward(self, *args, **kwargs):
        """What the module computes. Raises NotImplementedError until a subclass says it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def __call__(self, *args, **kwargs):
        try:
            return self.forward(*args, **kwargs)
        except ShapeError as error:  # the outermost caller knows the longest path
            error.path = {m: p for p, m in self.named_modules()}.get(error.args[0], error.path)
            raise

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """(path, module) for this module, whose path is prefix, and all below, each once or,
        without remove_duplicate, under each of its paths. Modules in memo are left out."""
        memo = set() if memo is None else memo
        if self not in memo:
            memo.add(self)
            yield prefix, self
            for name, child in _held(self, Module):
                seen = memo if remove_duplicate else set(memo)
                path = f"{prefix}.{name}" if prefix else name
                yield from child.named_modules(seen, path, remove_duplicate)


def _once(pairs):
    """The pairs (path, value) without those whose value came before."""
    first = {}
    for path, value in pairs:
        first.setdefault(value, path)
    return ((path, value) for value, path in first.items())


def named_parameters(self, prefix="", recurse=True, remove_duplicate=True, kind=Parameter):
    """(path, parameter) for every Parameter here and, if recurse, below. A shared one comes once
    or, without remove_duplicate, under each of its paths."""
    modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
    pairs = ((f"{path}.{name}" if path else name, value)
             for path, module in modules for name, value in _held(module, kind))
    return _once(pairs) if remove_duplicate else pairs


def parameters(self, recurse=True):
    """The parameters of named_parameters."""
    return (parameter for _, parameter in self.named_parameters(recurse=recurse))


Module.named_parameters, Module.parameters = named_parameters, parameters


def add_module(self, name, module):
    """Hold module under name. TypeError for no Module, KeyError if name is empty, dotted, taken."""
    if not isinstance(module, Module):
        raise TypeError(f"{type(self).__name__}, entry {name}: expected a Module, "
                        f"got {type(module).__name__}")
    if not isinstance(getattr(self, name, self), Module) or not name or "." in name:
        raise KeyError(f"{type(self).__name__}: no module can be called {name!r}: it is empty, has "
                       "a dot in it, or is another attribute's name")
    setattr(self, name, module)


def _guarded(self, name, value):
    for kind in Parameter, Module:
        if isinstance(vars(self).get(name), kind) and not isinstance(value, kind | None):
            raise TypeError(f"{name}: expected a {kind.__name__} or None, "
                            f"got {type(value).__name__}")
    object.__setattr__(self, name, value)


Module.add_module, Module.__setattr__ = add_module, _guarded


class ModuleList(Module):
    """Modules in a list, so that their owner finds their parameters. Raises as add_module."""

    def __init__(self, modules=()):
        for module in modules:
            self.append(module)

    def append(self, module):
        """Add a module at the end, under the next free number."""
        number = len(self)
        while str(number) in vars(self):
            number += 1
        self.add_module(str(number), module)
        return self

    def __len__(self):
        return len(_held(self, Module))

    def __iter__(self):
        return (module for _, module in _held(self, Module))

    def __getitem__(self, index):
        found = list(self)[index]
        return type(self)(found) if isinstance(index, slice) else found


class Sequential(ModuleList):
    """Modules called one after the other; a single dict gives them names. Raises as add_module."""

    def __init__(self, *modules):
        named = len(modules) == 1 and isinstance(modules[0], dict)
        for name, module in modules[0].items() if named else enumerate(modules):
            self.add_module(str(name), module)

    def __getitem__(self, index):
        if isinstance(index, slice):  # the part keeps its names
            return type(self)(dict(_held(self, Module)[index]))
        return super().__getitem__(index)

    def forward(self, x):
        for module in self:
            x = module(x)
        return x


def train(self, mode=True):
    """Set training, by which some modules behave differently, here and below. mode is a bool."""
    if not isinstance(mode, bool):
        raise ValueError(f"mode: expected True or False, got {mode!r}")
    for module in self.modules():
        module.training = mode
    return self


def requires_grad_(self, requires_grad=True):
    """Ask for the gradients of all parameters, or no longer."""
    for parameter in self.parameters():
        parameter.requires_grad_(requires_grad)
    return self


def zero_grad(self, set_to_none=False):
    """Set the gradients of all parameters to 0, or to None."""
    for parameter in self.parameters():
        if parameter.grad is not None:
            parameter.grad = None if set_to_none else parameter.grad.zero_()


def apply(self, fn):
    """Call fn on every module below, then on this one."""
    for child in self.children():
        child.apply(fn)
    fn(self)
    return self


@recursive_repr()
def _repr(self):
    head = f"{type(self).__name__}({self.extra_repr()}"
    children = [f"\n({name}): {child!r}" for name, child in _held(self, Module)]
    return head + "".join(children).replace("\n", "\n  ") + ("\n)" if children else ")")


Module.modules = lambda self: (module for _, module in self.named_modules())
Module.named_children = lambda self: _once(_held(self, Module))
Module.children = lambda self: (child for _, child in self.named_children())
Module.train, Module.eval = train, lambda self: self.train(False)
Module.requires_grad_, Module.zero_grad, Module.apply = requires_grad_, zero_grad, apply
Module.__repr__, Module.extra_repr = _repr, lambda self: ""  # what the parentheses hold


def state_dict(self):
    """Every parameter under each of its paths, detached; the arrays are shared, not copied."""
    return {path: parameter.detach() for path, parameter in self._entries()}


Module._entries = lambda self: self.named_parameters(remove_duplicate=False)
Module.state_dict = state_dict

IncompatibleKeys = namedtuple("IncompatibleKeys", "missing_keys unexpected_keys")


def load_state_dict(self, state_dict, strict=True):
    """Copy state_dict (Tensors or arrays) into the parameters of the same path; return the lists
    (missing_keys, unexpected_keys). Raises TypeError for what is not a dict, ValueError for values
    that do not fit or, if strict, keys that do not match; then nothing has been copied."""
    if not hasattr(state_dict, "keys"):
        raise TypeError("state_dict: expected a dict, such as load(path) or net.state_dict(), "
                        f"got {type(state_dict).__name__}")
    own = self.state_dict()
    missing = [key for key in own if key not in state_dict]
    unexpected = [key for key in state_dict if key not in own]
    new = {key: np.asarray(state_dict[key]) for key in own if key in state_dict}
    problems = [f"{key}: got {value.shape}, expected {own[key].shape}"
                for key, value in new.items() if value.shape != own[key].shape]
    problems += [f"{key}: got dtype {value.dtype}, expected real numbers"
                 for key, value in new.items() if value.dtype.kind not in "fiub"]
    problems += [f"{key}: missing" for key in missing if strict]
    problems += [f"{key}: unexpected" for key in unexpected if strict]
    if problems:
        problems.insert(0, f"state_dict does not fit {type(self).__name__}:")
        raise ValueError("\n    ".join(problems))
    with no_grad():
        for key, value in new.items():
            own[key].copy_(value)  # into the array that the parameter shares
    return IncompatibleKeys(missing, unexpected)


Module.load_state_dict = load_state_dict

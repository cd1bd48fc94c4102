"""Built, step by step, in notebooks/03_module.ipynb."""

import io
import math
import os
from collections import namedtuple

import numpy as np

from nptorch.ops import flatten, matmul, rand, relu, sigmoid, tanh, to
from nptorch.tensor import Tensor, no_grad, op


class Parameter(Tensor):
    """A Tensor that a Module owns and training changes: it requires grad from the start."""

    def __init__(self, data, requires_grad=True):
        super().__init__(data, requires_grad)

    def __repr__(self):
        return f"Parameter containing:\n{super().__repr__()}"


class ShapeError(ValueError):
    """An input that does not fit a module; its message begins with the module's path."""

    def __init__(self, module, label, got, expected):
        super().__init__(module, label, got, expected)
        self.module, self.path = module, ""

    def __str__(self):
        _, label, got, expected = self.args
        where = f"{self.path} ({label})" if self.path else label
        return f"{where}: got {got}, expected {expected}"


class Module:
    """A function with parameters: a subclass sets Parameters and Modules as attributes and
    defines forward, and calling it calls forward. A plain list hides the modules in it: use
    ModuleList or Sequential."""

    training = True

    def forward(self, *args, **kwargs):
        """What the module computes. Raises NotImplementedError until a subclass says it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def __call__(self, *args, **kwargs):
        try:
            return self.forward(*args, **kwargs)
        except ShapeError as error:  # the outermost caller knows the longest path
            paths = (path for path, module in self.named_modules() if module is error.module)
            error.path = next(paths, error.path)
            raise

    def __setattr__(self, name, value):
        if isinstance(vars(self).get(name), Parameter) and not isinstance(value, Parameter | None):
            raise TypeError(f"{name}: expected a Parameter or None, got {type(value).__name__}")
        super().__setattr__(name, value)

    def named_children(self):
        """(name, module) for every Module among the attributes, in the order they were set."""
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Module))

    def children(self):
        """The modules of named_children."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix="", seen=None):
        """(path, module) for this module, whose path is prefix, and all below, each once."""
        seen = set() if seen is None else seen
        if self not in seen:
            seen.add(self)
            yield prefix, self
            for name, child in self.named_children():
                yield from child.named_modules(f"{prefix}.{name}" if prefix else name, seen)

    def modules(self):
        """The modules of named_modules."""
        return (module for _, module in self.named_modules())

    def _entries(self, prefix=""):
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield prefix + name, value
        for name, child in self.named_children():
            yield from child._entries(f"{prefix}{name}.")

    def named_parameters(self):
        """(path, parameter) for every Parameter here and below, each once, shared ones too."""
        seen = set()
        for path, parameter in self._entries():
            if parameter not in seen:
                seen.add(parameter)
                yield path, parameter

    def parameters(self):
        """The parameters of named_parameters."""
        return (parameter for _, parameter in self.named_parameters())

    def train(self, mode=True):
        """Set training here and below: dropout drops when it is True."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        """train(False)."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Ask for the gradients of all parameters, or no longer."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self):
        """Set the gradients of all parameters to 0."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()

    def apply(self, fn):
        """Call fn on every module below, then on this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def state_dict(self):
        """Every parameter under its path, detached; the arrays are shared, not copied."""
        return {path: parameter.detach() for path, parameter in self._entries()}

    def load_state_dict(self, state_dict, strict=True):
        """Copy state_dict (Tensors or arrays) into the parameters of the same path.

        Returns the lists (missing_keys, unexpected_keys). Raises ValueError if they are not
        empty, unless strict is False, and for a value of another shape or that is no real
        number, TypeError if state_dict is no dict; then nothing has been copied.
        """
        _refuse_no_dict(state_dict)
        own = dict(self._entries())
        missing = [key for key in own if key not in state_dict]
        unexpected = [key for key in state_dict if key not in own]
        common = {key: np.asarray(state_dict[key]) for key in own if key in state_dict}
        problems = [f"{key}: got {value.shape}, expected {own[key].shape}"
                    for key, value in common.items() if value.shape != own[key].shape]
        problems += [f"{key}: got dtype {value.dtype}, expected real numbers"
                     for key, value in common.items() if value.dtype.kind not in "fiub"]
        if strict:
            problems += [f"{key}: missing" for key in missing]
            problems += [f"{key}: unexpected" for key in unexpected]
        if problems:
            raise ValueError(f"state_dict does not fit {type(self).__name__}:"
                             + "".join(f"\n    {problem}" for problem in problems))
        with no_grad():
            for key, value in common.items():
                own[key].copy_(value)
        return IncompatibleKeys(missing, unexpected)

    def extra_repr(self):
        """What stands between the parentheses of repr."""
        return ""

    def __repr__(self):
        head = f"{type(self).__name__}({self.extra_repr()}"
        children = [f"\n({name}): {child!r}" for name, child in self.named_children()]
        return head + "".join(children).replace("\n", "\n  ") + ("\n)" if children else ")")


class ModuleList(Module):
    """Modules in a list, so that their owner finds their parameters.

    Raises TypeError for an entry that is no Module.
    """

    def __init__(self, modules=()):
        for module in modules:
            self.append(module)

    def _set(self, name, module):
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}, entry {name}: expected a Module, "
                            f"got {type(module).__name__}")
        setattr(self, name, module)

    def append(self, module):
        """Add a module at the end, under the next free number."""
        number = len(self)
        while str(number) in vars(self):
            number += 1
        self._set(str(number), module)
        return self

    def __len__(self):
        return len(list(self.children()))

    def __iter__(self):
        return self.children()

    def __getitem__(self, index):
        found = list(self.children())[index]
        return type(self)(found) if isinstance(index, slice) else found


@op
def _affine(x, weight, bias, /):
    def back_weight(g):
        return g.reshape(-1, g.shape[-1]).T @ x.reshape(-1, x.shape[-1])

    try:
        value = x @ weight.T
        value += bias  # in place: one array less
    except ValueError:
        raise ValueError(f"linear: expected shapes (..., in), (out, in) and (out,), got "
                         f"{np.shape(x)}, {weight.shape} and {bias.shape}") from None
    return value, lambda g: g @ weight, back_weight, lambda g: g


def linear(input, weight, bias=None):
    """input (..., in) @ weight (out, in).T + bias (out,) -> (..., out). Raises ValueError if the
    shapes do not fit."""
    return matmul(input, weight.T) if bias is None else _affine(input, weight, bias)


def _positive(**sizes):
    """Raise ValueError for a size that is no positive integer."""
    for name, size in sizes.items():
        if not isinstance(size, (int, np.integer)) or size < 1:
            raise ValueError(f"{name}: expected a positive integer, got {size!r}")


class Linear(Module):
    """linear with its own weight (out_features, in_features) and bias (out_features,), both
    drawn evenly from ±1/sqrt(in_features), as in PyTorch.

    Raises ValueError for senseless sizes, ShapeError for input that is not (..., in_features).
    """

    def __init__(self, in_features, out_features, bias=True):
        _positive(in_features=in_features, out_features=out_features)
        bound = 1 / math.sqrt(in_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter((2 * rand(out_features, in_features) - 1) * bound)
        self.bias = Parameter((2 * rand(out_features) - 1) * bound) if bias else None

    def forward(self, x):
        try:
            return linear(x, self.weight, self.bias)
        except ValueError:  # asked afterwards, so that a layer that fits pays nothing
            if np.shape(x)[-1:] == (self.in_features,):
                raise  # not the input's fault
            label = f"Linear {self.in_features} → {self.out_features}"
            raise ShapeError(self, label, np.shape(x), f"(…, {self.in_features})") from None

    def extra_repr(self):
        return (f"in_features={self.in_features}, out_features={self.out_features}, "
                f"bias={self.bias is not None}")


class ReLU(Module):
    """relu as a module."""

    def forward(self, x):
        return relu(x)


class Tanh(Module):
    """tanh as a module."""

    def forward(self, x):
        return tanh(x)


class Sigmoid(Module):
    """sigmoid as a module."""

    def forward(self, x):
        return sigmoid(x)


class Identity(Module):
    """The input itself."""

    def forward(self, x):
        return x


class Flatten(Module):
    """flatten as a module; the first dimension, the batch, stays."""

    def __init__(self, start_dim=1, end_dim=-1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x):
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Sequential(ModuleList):
    """Modules called one after the other; a single dict gives them names.

    Raises TypeError for an entry that is no Module.
    """

    def __init__(self, *modules):
        named = len(modules) == 1 and isinstance(modules[0], dict)
        for name, module in modules[0].items() if named else enumerate(modules):
            self._set(str(name), module)

    def __getitem__(self, index):
        if isinstance(index, slice):  # the part keeps its names
            return type(self)(dict(list(self.named_children())[index]))
        return super().__getitem__(index)

    def forward(self, x):
        for module in self.children():
            x = module(x)
        return x


def _probability(p):
    """p itself. Raises ValueError if it is not a number in [0, 1]."""
    if not isinstance(p, (int, float, np.number)) or not 0 <= p <= 1:
        raise ValueError(f"Invalid dropout probability: {p}")
    return p


def dropout(input, p=0.5, training=True):
    """While training, each element is 0 with probability p, and the others are multiplied by
    1 / (1 - p), so that the expected sum stays. Raises ValueError if p is not in [0, 1]."""
    _probability(p)
    if not training or p == 0:
        return input
    kept = to(rand(*input.shape) >= p, input.dtype)
    return input * (kept * (1 / (1 - p) if p < 1 else 0.0))


class Dropout(Module):
    """dropout while training, nothing in eval mode. Raises ValueError if p is not in [0, 1]."""

    def __init__(self, p=0.5):
        self.p = _probability(p)

    def forward(self, x):
        return dropout(x, self.p, self.training)

    def extra_repr(self):
        return f"p={self.p}"


IncompatibleKeys = namedtuple("IncompatibleKeys", "missing_keys unexpected_keys")


def _refuse_no_dict(state_dict):
    """Raise TypeError for what is no dict: a module, a path, a method without its parentheses."""
    if not hasattr(state_dict, "keys"):
        raise TypeError("state_dict: expected a dict, such as load(path) or net.state_dict(), "
                        f"got {type(state_dict).__name__}")


def _member(name):
    """The file in the archive that holds the array of this name, which must not look like a way
    out of a folder."""
    if not isinstance(name, str) or "/" in name or "\\" in name:
        raise ValueError(f"name: expected text without slashes, got {name!r}")
    return f"{name}.npy"


def save(state_dict, path):
    """Write a state_dict to path: an .npz archive, one array a name, without pickle.

    A file that stood there before is replaced only when the new one is complete. Raises
    TypeError for what is no dict and for an entry that is no array of real numbers;
    ValueError for a name that is no text or has a slash in it.
    """
    import zipfile  # here and not above, as it takes its time to load

    _refuse_no_dict(state_dict)
    partial = f"{os.fspath(path)}.partial"
    try:
        with zipfile.ZipFile(partial, "w") as archive:
            for name, value in state_dict.items():
                array = np.asarray(value)
                if array.dtype.kind not in "fiub":  # which load would refuse
                    raise TypeError(f"{name}: expected an array of real numbers, "
                                    f"got {type(value).__name__}")
                with archive.open(_member(name), "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def _parse_npy(content):
    """The array in content, the bytes of an .npy file. Raises ValueError if it does not hold real
    numbers, exactly as many as its header declares; nothing is allocated before that is known."""
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("expected version 1.0 of the .npy format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind not in "fiub":
        raise ValueError(f"expected real numbers, got dtype {dtype}")
    declared, found = math.prod(shape) * dtype.itemsize, len(content) - file.tell()
    if min(shape, default=0) < 0 or declared != found:
        raise ValueError(f"shape {shape} of {dtype} makes {declared} bytes, got {found}")
    file.seek(0)
    array = np.lib.format.read_array(file, allow_pickle=False)
    return array.astype(dtype.newbyteorder("="), copy=False)


def load(path):
    """The state_dict that save wrote to path. Raises ValueError, with the file and the member, for
    anything else: a damaged or compressed archive, sizes that do not fit, names that lead out of
    a folder or stand there twice, and all but plain arrays of real numbers. Nothing is run."""
    import zipfile

    state = {}
    with open(os.fspath(path), "rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{path}: expected an .npz archive")
        size, member = file.seek(0, os.SEEK_END), ""
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                if (any(info.compress_type != zipfile.ZIP_STORED for info in members)
                        or sum(info.file_size for info in members) > size):
                    raise ValueError("expected members as save writes them: not compressed, and "
                                     "together no longer than the file")
                for info in members:
                    member = f"{info.filename!r}: "
                    name = info.filename.removesuffix(".npy")
                    if name in state or info.filename != _member(name):
                        raise ValueError("expected name.npy, each name once")
                    state[name] = Tensor(_parse_npy(archive.read(info)))
        except Exception as error:  # zipfile, zlib and NumPy each refuse in their own way
            raise ValueError(f"{path}: {member}{error}") from error
    return state

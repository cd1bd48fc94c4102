"""Buffers: what a Module saves, and training does not move (notebooks/12_normalization.ipynb)."""

from nptorch.autograd import Tensor
from nptorch.nn.module import Module, Parameter


class Buffer(Tensor):
    """A Tensor that a Module keeps, and a state_dict if persistent, but that no optimizer moves."""

    def __init__(self, data, *, persistent=True):
        super().__init__(data)
        self.persistent = persistent


def register_buffer(self, name, tensor, persistent=True):
    """Keep tensor, as a Buffer, or None under name. Raises KeyError if name is bad or taken."""
    if not name or "." in name or not isinstance(getattr(self, name, None), Buffer | None):
        raise KeyError(f"{type(self).__name__}: no buffer can be called {name!r}")
    setattr(self, name, tensor if tensor is None else Buffer(tensor, persistent=persistent))


def _guarded(self, name, value, set=Module.__setattr__):
    old = vars(self).get(name)
    if isinstance(old, Buffer) and not isinstance(value, Buffer | Parameter | Module | None):
        value = Buffer(value, persistent=old.persistent)  # or nobody would save it
    set(self, name, value)


Module.register_buffer, Module.__setattr__ = register_buffer, _guarded
Module.named_buffers = lambda self, prefix="", recurse=True, remove_duplicate=True: (
    self.named_parameters(prefix, recurse, remove_duplicate, Buffer))
Module.buffers = lambda self, recurse=True: (b for _, b in self.named_buffers(recurse=recurse))
Module._entries = lambda self: (
    (path, value) for path, value in self.named_parameters("", True, False, (Parameter, Buffer))
    if getattr(value, "persistent", True))

"""Buffers: what a Module saves, and training does not move (notebooks/12_normalization.ipynb)."""

from nptorch.autograd import Tensor
from nptorch.nn.module import Module, Parameter


class Buffer(Tensor):
    """A Tensor that a Module keeps beside its parameters: no optimizer moves it, and a state_dict
    holds it if it is persistent."""

    def __init__(self, data, *, persistent=True):
        super().__init__(data)
        self.persistent = persistent


def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
    """(path, buffer) for every Buffer here and, if recurse, below, as in named_parameters."""
    return self.named_parameters(prefix, recurse, remove_duplicate, Buffer)


def _entries(self):
    kept = self.named_parameters(remove_duplicate=False, kind=(Parameter, Buffer))
    return ((path, value) for path, value in kept if getattr(value, "persistent", True))


Module.named_buffers, Module._entries = named_buffers, _entries
Module.buffers = lambda self, recurse=True: (b for _, b in self.named_buffers(recurse=recurse))


def register_buffer(self, name, tensor, persistent=True):
    """Keep tensor under name, as a Buffer that shares its array; None keeps the name free. Raises
    TypeError for anything else, KeyError for a name that is empty, has a dot in it or is taken."""
    if not isinstance(tensor, Tensor | None):
        raise TypeError(f"{name}: expected a Tensor or None, got {type(tensor).__name__}")
    if not name or "." in name or not isinstance(getattr(self, name, None), Buffer | None):
        raise KeyError(f"{type(self).__name__}: no buffer can be called {name!r}: it is empty, has "
                       "a dot in it, or is another attribute's name")
    setattr(self, name, None if tensor is None else Buffer(tensor, persistent=persistent))


_set = Module.__setattr__


def _guarded(self, name, value):
    """A Tensor that is assigned in a Buffer's place becomes one; nothing else but None may."""
    old = vars(self).get(name)
    if isinstance(old, Buffer) and not isinstance(value, Buffer | Parameter | Module | None):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: expected a Tensor or None, got {type(value).__name__}")
        value = Buffer(value, persistent=old.persistent)
    _set(self, name, value)


Module.register_buffer, Module.__setattr__ = register_buffer, _guarded

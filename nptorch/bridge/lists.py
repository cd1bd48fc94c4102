"""Dicts and lists of modules (notebooks/19_layers.ipynb)."""

from collections.abc import MutableMapping

from nptorch import nn
from nptorch.bridge.words import rows

_held = lambda self: {k: x for k, x in vars(self).items() if isinstance(x, nn.Module)}


class ModuleDict(nn.Module, MutableMapping):
    """Modules in a dict, so that their owner finds their parameters."""

    __setitem__, __delitem__ = nn.Module.add_module, nn.Module.__delattr__
    __eq__, __hash__ = object.__eq__, object.__hash__
    __init__ = lambda self, modules=None: self.update(modules or {})
    __getitem__ = lambda self, key: _held(self)[key]
    __iter__ = lambda self: iter(_held(self))
    __len__ = lambda self: len(_held(self))


rows({"ModuleDict": ModuleDict}, "nn")


def _listed(name):
    def method(self, *args):
        names, held = _held(self), list(self)
        result = getattr(held, name)(*args)
        nn.ModuleList(held)  # which refuses what is not a Module
        for key in names:
            delattr(self, key)
        for key, module in zip(names if len(names) == len(held) else range(len(held)), held):
            self.add_module(str(key), module)
        return self if result is None else result

    return method


def _extend(self, modules):
    added = list(modules)
    nn.ModuleList([*self, *added])
    for module in added:
        self.add_module(str(len(self)), module)
    return self


for _name in "insert pop __setitem__ __delitem__".split():
    setattr(nn.ModuleList, _name, _listed(_name))
nn.ModuleList.extend = nn.ModuleList.__iadd__ = _extend

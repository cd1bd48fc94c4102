"""Samplers, and a loader that takes them (notebooks/19_layers.ipynb)."""

import inspect
import types
from itertools import islice

import numpy as np

import nptorch as torch
from nptorch.bridge.layers import told
from nptorch.bridge.words import fuller, plain, rows
from nptorch.checks import integer
from nptorch.utils import data


class Sampler:
    """An order of indices: a subclass defines __iter__, and mostly __len__."""

    __class_getitem__ = classmethod(types.GenericAlias)  # Sampler[int]


def _sampler(name, takes, size, order):
    def __init__(self, *args, **options):
        vars(self).update(told(name, inspect.signature(takes), args, options))
        takes(**vars(self))  # which refuses what makes no sense

    return type(name, (Sampler,), {"__init__": __init__, "__doc__": f"As torch's {name}.",
                                   "__len__": size, "__iter__": lambda self: iter(order(self))})


def _weights(weights, num_samples, replacement=True, generator=None):
    integer("num_samples", num_samples, 1)
    if not (np.array(weights) >= 0).all() or not np.any(weights):
        raise ValueError(f"weights: expected none below 0, and one above, got {[*weights]}")


def _turns(s):
    n = len(s.data_source)
    for i in range(0, len(s), n):  # as they are asked for: all may be more than memory holds
        drawn = torch.randint(n, (n,), generator=s.generator) if s.replacement else (
            torch.randperm(n, generator=s.generator))
        yield from drawn[:len(s) - i].tolist()


def _groups(s):
    indices = iter(s.sampler)
    while len(group := [*islice(indices, s.batch_size)]) == s.batch_size or (
            group and not s.drop_last):
        yield group


rows({name: _sampler(name, *row) for name, row in {  # what it takes, how many, and in which order
    "SequentialSampler": (lambda data_source: None, lambda s: len(s.data_source),
                          lambda s: range(len(s))),
    "RandomSampler": (
        lambda data_source, replacement=False, num_samples=None, generator=None:
        num_samples is None or integer("num_samples", num_samples, 1),
        lambda s: s.num_samples or len(s.data_source), _turns),
    "SubsetRandomSampler": (
        lambda indices, generator=None: None, lambda s: len(s.indices), lambda s: [
            s.indices[i] for i in torch.randperm(len(s), generator=s.generator).tolist()]),
    "WeightedRandomSampler": (_weights, lambda s: s.num_samples, lambda s: torch.multinomial(
        torch.tensor(np.array(s.weights)), len(s), s.replacement, generator=s.generator).tolist()),
    "BatchSampler": (
        lambda sampler, batch_size, drop_last: integer("batch_size", batch_size, 1), lambda s: (
            len(s.sampler) + (s.batch_size - 1) * (not s.drop_last)) // s.batch_size, _groups),
    }.items()} | {"Sampler": Sampler}, "utils.data")


@fuller(data.DataLoader.__init__)
def _loader(self, dataset, batch_size=1, shuffle=False, sampler=None, batch_sampler=None,
            num_workers=0, collate_fn=None, pin_memory=False, drop_last=False, timeout=0,
            worker_init_fn=None, multiprocessing_context=None, generator=None):
    drawn, grouped = sampler is not None, batch_sampler is not None
    if (drawn and shuffle) or (grouped and (batch_size != 1 or shuffle or drawn or drop_last)):
        raise ValueError("DataLoader: a sampler excludes shuffle, and a batch_sampler batch_size, "
                         "shuffle, sampler and drop_last")
    plain(data.DataLoader.__init__)(self, dataset, batch_size, shuffle, drop_last=drop_last,
                                    generator=generator)
    self.num_workers, self.pin_memory = integer("num_workers", num_workers), pin_memory
    self.sampler = sampler if drawn else data.RandomSampler(
        dataset, generator=self.generator) if shuffle else data.SequentialSampler(dataset)
    self.batch_sampler = batch_sampler if grouped else data.BatchSampler(
        self.sampler, batch_size, drop_last)
    self.batch_size, self.collate_fn = None if grouped else batch_size, collate_fn


def _batches(self, usual=data.DataLoader.__iter__):
    if "batch_sampler" not in vars(self):
        return usual(self)
    collate = self.collate_fn or data.default_collate
    return (data._batch(self.dataset, np.asarray(group))
            if self.collate_fn is None and type(group[0]) is int else
            collate(data._samples(self.dataset, group)) for group in self.batch_sampler)


data.DataLoader.__iter__ = _batches
data.DataLoader.__len__ = lambda self, usual=data.DataLoader.__len__: (
    len(self.batch_sampler) if "batch_sampler" in vars(self) else usual(self))

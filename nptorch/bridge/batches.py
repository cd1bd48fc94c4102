"""Samplers, and a loader that takes them (notebooks/18_names.ipynb)."""

from itertools import islice

import numpy as np

import nptorch as torch
from nptorch.bridge.words import fuller, plain, rows
from nptorch.utils import data


class Sampler:
    """An order of indices: a subclass defines __iter__, and mostly __len__."""


def _sampler(name, plan):
    def __init__(self, *args, **options):
        self.length, self.order = plan(*args, **options)

    return type(name, (Sampler,), {"__init__": __init__, "__doc__": f"As torch's {name}.",
        "__len__": lambda self: self.length(), "__iter__": lambda self: iter(self.order())})


def _groups(sampler, size, drop_last):
    indices = iter(sampler)
    while len(group := list(islice(indices, size))) == size or (group and not drop_last):
        yield group


def _random(data_source, replacement=False, num_samples=None, generator=None):
    size = lambda: num_samples or len(data_source)
    turn = lambda start: torch.randperm(len(data_source), generator=generator)
    return size, lambda: (
        torch.randint(len(data_source), (size(),), generator=generator) if replacement else
        torch.cat([*map(turn, range(0, size(), len(data_source)))])[:size()]).tolist()


rows({name: _sampler(name, plan) for name, plan in {
    "SequentialSampler": lambda data_source: (
        lambda: len(data_source), lambda: range(len(data_source))),
    "RandomSampler": _random,
    "SubsetRandomSampler": lambda indices, generator=None: (lambda: len(indices), lambda: [
        indices[i] for i in torch.randperm(len(indices), generator=generator).tolist()]),
    "WeightedRandomSampler": lambda weights, num_samples, replacement=True, generator=None: (
        lambda: num_samples, lambda: torch.multinomial(torch.tensor(
            weights), num_samples, replacement, generator=generator).tolist()),
    "BatchSampler": lambda sampler, batch_size, drop_last: (
        lambda: (len(sampler) + (0 if drop_last else batch_size - 1)) // batch_size,
        lambda: _groups(sampler, batch_size, drop_last))}.items()} | {"Sampler": Sampler},
    "utils.data")


@fuller(data.DataLoader.__init__)
def _loader(self, dataset, batch_size=1, shuffle=False, *, sampler=None, batch_sampler=None,
            collate_fn=None, drop_last=False, generator=None):
    if (sampler and shuffle) or (batch_sampler and (batch_size, shuffle, sampler, drop_last) != (
            1, False, None, False)):
        raise ValueError("DataLoader: a sampler excludes shuffle, and a batch_sampler batch_size, "
                         "shuffle, sampler and drop_last")
    plain(data.DataLoader.__init__)(self, dataset, batch_size, shuffle, drop_last=drop_last,
                                    generator=generator)
    self.sampler = sampler or (data.RandomSampler(dataset, generator=self.generator) if shuffle
                               else data.SequentialSampler(dataset))
    self.batch_sampler = batch_sampler or data.BatchSampler(self.sampler, batch_size, drop_last)
    self.collate_fn = collate_fn


def _batches(self, usual=data.DataLoader.__iter__):
    if "batch_sampler" not in vars(self):
        return usual(self)
    return (data._batch(self.dataset, np.asarray(group)) if self.collate_fn is None else
            self.collate_fn([self.dataset[i] for i in group]) for group in self.batch_sampler)


data.DataLoader.__iter__ = _batches
data.DataLoader.__len__ = lambda self, usual=data.DataLoader.__len__: (
    len(self.batch_sampler) if "batch_sampler" in vars(self) else usual(self))

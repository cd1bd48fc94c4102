"""Samplers, and a loader that takes them (notebooks/19_layers.ipynb)."""

from itertools import islice

import numpy as np

import nptorch as torch
from nptorch.bridge.words import fuller, plain, rows
from nptorch.checks import integer
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
    if num_samples is not None:
        integer("num_samples", num_samples, 1)
    size = lambda: len(data_source) if num_samples is None else num_samples
    turn = lambda start: torch.randperm(len(data_source), generator=generator)
    return size, lambda: (
        torch.randint(len(data_source), (size(),), generator=generator) if replacement else
        torch.cat([*map(turn, range(0, size(), len(data_source)))])[:size()]).tolist()


def _weighted(weights, num_samples, replacement=True, generator=None):
    weights, _ = torch.tensor(np.array(weights)), integer("num_samples", num_samples, 1)
    if not (weights.numpy() >= 0).all() or not (weights.numpy() > 0).any():
        raise ValueError(f"weights: expected none below 0, and one above, got {weights.tolist()}")
    return lambda: num_samples, lambda: torch.multinomial(
        weights, num_samples, replacement, generator=generator).tolist()


def _batched(sampler, batch_size, drop_last):
    spare = (integer("batch_size", batch_size, 1) - 1) * (not drop_last)
    return (lambda: (len(sampler) + spare) // batch_size,
            lambda: _groups(sampler, batch_size, drop_last))


rows({name: _sampler(name, plan) for name, plan in {
    "SequentialSampler": lambda data_source: (
        lambda: len(data_source), lambda: range(len(data_source))),
    "RandomSampler": _random,
    "SubsetRandomSampler": lambda indices, generator=None: (lambda: len(indices), lambda: [
        indices[i] for i in torch.randperm(len(indices), generator=generator).tolist()]),
    "WeightedRandomSampler": _weighted, "BatchSampler": _batched}.items()} | {"Sampler": Sampler},
    "utils.data")


@fuller(data.DataLoader.__init__)
def _loader(self, dataset, batch_size=1, shuffle=False, *, sampler=None, batch_sampler=None,
            collate_fn=None, drop_last=False, generator=None):
    drawn = sampler is not None
    if (drawn and shuffle) or (batch_sampler is not None and (
            batch_size != 1 or shuffle or drawn or drop_last)):
        raise ValueError("DataLoader: a sampler excludes shuffle, and a batch_sampler batch_size, "
                         "shuffle, sampler and drop_last")
    plain(data.DataLoader.__init__)(self, dataset, batch_size, shuffle, drop_last=drop_last,
                                    generator=generator)
    self.sampler, self.batch_sampler = sampler, batch_sampler
    if not drawn:
        self.sampler = (data.RandomSampler(dataset, generator=self.generator) if shuffle else
                        data.SequentialSampler(dataset))
    if batch_sampler is None:
        self.batch_sampler = data.BatchSampler(self.sampler, batch_size, drop_last)
    self.collate_fn = collate_fn


def _batches(self, usual=data.DataLoader.__iter__):
    if "batch_sampler" not in vars(self):
        return usual(self)
    return (data._batch(self.dataset, np.asarray(group)) if self.collate_fn is None else
            self.collate_fn([self.dataset[i] for i in group]) for group in self.batch_sampler)


data.DataLoader.__iter__ = _batches
data.DataLoader.__len__ = lambda self, usual=data.DataLoader.__len__: (
    len(self.batch_sampler) if "batch_sampler" in vars(self) else usual(self))

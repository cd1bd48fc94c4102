"""Dataset and DataLoader: samples, and how they come in batches (notebooks/06_data.ipynb)."""

import math

import numpy as np

from nptorch.autograd import Tensor
from nptorch.checks import integer
from nptorch.creation import randperm


class Dataset:
    """Samples numbered from 0: a subclass defines __len__, how many there are, and __getitem__,
    one of them: a value, or a tuple of values such as (image, label)."""

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__} does not define __len__")

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__")

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        return f"{type(self).__name__}({len(self)} samples)"


def default_collate(batch):
    """Samples of one form along a new first axis: numbers, arrays and Tensors become a Tensor
    (Python's floats float64, ints int64, as in PyTorch), tuples and lists a list, one for an entry,
    dicts a dict. Text and bytes stay lists. Raises ValueError for different shapes or lengths."""
    first = batch[0]
    if isinstance(first, dict):
        return {key: default_collate([sample[key] for sample in batch]) for key in first}
    if isinstance(first, (tuple, list)):
        return [default_collate(values) for values in zip(*batch, strict=True)]
    if isinstance(first, (str, bytes)):
        return list(batch)
    arrays = [v.data if isinstance(v, Tensor) else np.asarray(np.int64(v) if type(v) is int else v)
              for v in batch]
    shapes = {a.shape for a in arrays}
    if len(shapes) > 1:
        raise ValueError(f"a batch needs samples of one shape, got {sorted(shapes)}")
    return Tensor(np.stack(arrays))


class TensorDataset(Dataset):
    """Tensors of one length: sample i is the tuple of their entries i. Raises TypeError for what
    is not a Tensor, ValueError for none and for different lengths."""

    def __init__(self, *tensors):
        for t in tensors:
            if not isinstance(t, Tensor):
                raise TypeError(f"tensors: expected Tensors, got {type(t).__name__}")
        lengths = [len(t) for t in tensors]
        if len(set(lengths)) != 1:
            raise ValueError(f"tensors: expected one or more of one length, got {lengths}")
        self.tensors = tensors

    def __len__(self):
        return len(self.tensors[0])

    def __getitem__(self, index):
        return tuple(t[index] for t in self.tensors)


class Subset(Dataset):
    """The samples of dataset at these indices, in this order; nothing is copied. Raises TypeError
    if they are not ints, IndexError for one that dataset does not have."""

    def __init__(self, dataset, indices):
        indices = np.asarray(indices)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise TypeError(f"indices: expected a row of ints, got shape {indices.shape} and dtype "
                            f"{indices.dtype} (np.flatnonzero makes ints of a mask)")
        self.dataset, self.indices = dataset, np.arange(len(dataset))[indices.astype(np.int64)]

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.dataset[self.indices[index].tolist()]  # Python's ints, which suit all datasets


def _batch(dataset, indices):
    """The samples at these indices, an array of ints, stacked."""
    if type(dataset).__getitem__ is TensorDataset.__getitem__:
        return list(dataset[indices])  # one index into each Tensor
    if type(dataset).__getitem__ is Subset.__getitem__:
        return _batch(dataset.dataset, dataset.indices[indices])
    return default_collate(_samples(dataset, indices.tolist()))


def _samples(dataset, keys):
    """The samples of a list of keys, at once where dataset has PyTorch's hook for that."""
    many = getattr(dataset, "__getitems__", None)
    return many(keys) if many else [dataset[key] for key in keys]


def _shuffled(n, rng):
    """0 ... n - 1 in a random order; rng is DataLoader's generator."""
    return randperm(n).data if rng is None else np.random.default_rng(rng).permutation(n)


class DataLoader:
    """The samples of dataset in batches: `for x, y in loader` is one epoch.

    dataset: a Dataset, or anything with a length and entries, such as a list; shuffle: a new random
    order in each epoch; drop_last: leave out a smaller last batch; generator: a seed or a NumPy
    generator for the orders, None for nptorch's own numbers. Raises ValueError for a batch_size
    below 1 and for no samples, TypeError for a dataset without a length."""

    def __init__(self, dataset, batch_size=1, shuffle=False, *, drop_last=False, generator=None):
        if len(dataset) == 0:
            raise ValueError("dataset: expected at least one sample, got none")
        self.dataset, self.batch_size = dataset, integer("batch_size", batch_size, 1)
        self.shuffle, self.drop_last = shuffle, drop_last
        self.generator = None if generator is None else np.random.default_rng(generator)

    def __len__(self):
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else math.ceil(n / self.batch_size)

    def __iter__(self):
        n, size = len(self.dataset), self.batch_size
        order = _shuffled(n, self.generator) if self.shuffle else np.arange(n)
        return (_batch(self.dataset, order[i * size:(i + 1) * size]) for i in range(len(self)))


def random_split(dataset, lengths, generator=None):
    """Subsets of these lengths, drawn at random, each sample in exactly one of them.

    lengths are ints that add up to len(dataset), or fractions that add up to 1; what rounding down
    leaves over goes to the first ones, a sample each. generator: as in DataLoader. Raises
    ValueError if they add up to anything else or one is below 0, TypeError for other lengths."""
    n, counts = len(dataset), list(lengths)
    if math.isclose(sum(counts), 1):
        counts = [math.floor(n * share) for share in counts]
        for i in range(n - sum(counts)):
            counts[i % len(counts)] += 1
    counts = [integer("lengths", count) for count in counts]
    if sum(counts) != n:
        raise ValueError(f"lengths: expected a sum of {n}, or of 1 for fractions, got {lengths}")
    parts = np.split(_shuffled(n, generator), np.cumsum(counts)[:-1])
    return [Subset(dataset, part) for part in parts]

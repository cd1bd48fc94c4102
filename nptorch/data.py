"""Built, step by step, in notebooks/06_data.ipynb."""

import contextlib
import math
import os
import sys

import numpy as np

from nptorch.ops import randperm
from nptorch.tensor import Tensor, tensor


def _stacked(values):
    """One Tensor of many values, numbers, arrays or Tensors of one shape."""
    arrays = [v.data if isinstance(v, Tensor) else tensor(v).data for v in values]
    shapes = {a.shape for a in arrays}
    if len(shapes) > 1:
        raise ValueError(f"a batch needs samples of one shape, got {sorted(shapes)}")
    return Tensor(np.stack(arrays))


class Dataset:
    """Samples numbered from 0: a subclass defines __len__, how many there are, and
    __getitem__, one of them: a value or a tuple of values, such as (image, label)."""

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__} does not define __len__")

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__")

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def batch(self, indices):
        """The samples at these indices, at least one, stacked: one Tensor, or a list with one
        for each entry of the tuples. Raises ValueError for samples of different shapes."""
        samples = [self[int(i)] for i in indices]
        if isinstance(samples[0], (tuple, list)):
            return [_stacked(values) for values in zip(*samples, strict=True)]
        return _stacked(samples)

    def __repr__(self):
        return f"{type(self).__name__}({len(self)} samples)"


class TensorDataset(Dataset):
    """Tensors of one length: sample i is the tuple of their entries i.

    Raises TypeError for what is no Tensor, ValueError for none and for different lengths.
    """

    def __init__(self, *tensors):
        for t in tensors:
            if not isinstance(t, Tensor):
                raise TypeError(f"tensors: expected Tensors, got {type(t).__name__}")
        lengths = [len(t) for t in tensors]
        if len(set(lengths)) != 1:
            raise ValueError(f"tensors: expected one or more of one length, got lengths {lengths}")
        self.tensors = tensors

    def __len__(self):
        return len(self.tensors[0])

    def __getitem__(self, index):
        return tuple(t[index] for t in self.tensors)

    def batch(self, indices):
        """The samples at these indices, by one array index into each Tensor."""
        return [t[indices] for t in self.tensors]


def digits():
    """scikit-learn's 1797 handwritten digits as (train, test), TensorDatasets of 1437 and 360.

    Images float32 (N, 1, 8, 8) from 0 to 1, labels int64 (N,); the split is always the same.
    Source: Alpaydin and Kaynak (1998), UCI. Raises ImportError without scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("digits() needs scikit-learn: pip install scikit-learn") from None
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    images = Tensor((found.images[order, None] / 16).astype(np.float32))
    labels = Tensor(found.target[order].astype(np.int64))
    return tuple(TensorDataset(images[part], labels[part])
                 for part in (slice(1437), slice(1437, None)))


def _batch(dataset, indices):
    """The samples at these indices, also where dataset has nothing but a length and samples."""
    if isinstance(dataset, Dataset):
        return dataset.batch(indices)
    return Dataset.batch(dataset, indices)


def _shuffled(n, generator):
    """The integers 0 ... n - 1 in a random order; generator: a seed, a NumPy generator, or None
    for the package's own numbers."""
    if generator is None:
        return randperm(n).data
    return np.random.default_rng(generator).permutation(n)


class DataLoader:
    """The samples of dataset in batches: `for x, y in loader` is one epoch.

    dataset is a Dataset, or anything with a length and samples, such as a list of pairs.
    batch_size: samples in a batch; shuffle: a new random order in each epoch; drop_last: leave
    out a last batch that is smaller; generator: a seed or a NumPy generator for the orders,
    None for the package's own numbers, which manual_seed governs. The length is the number of
    batches. Raises ValueError for a batch_size below 1 and for an empty dataset, TypeError for a
    dataset without a length.
    """

    def __init__(self, dataset, batch_size=1, shuffle=False, drop_last=False, generator=None):
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"batch_size: expected a positive integer, got {batch_size!r}")
        if not hasattr(dataset, "__len__"):
            raise TypeError("dataset: expected a Dataset or a list of samples, "
                            f"got {type(dataset).__name__}")
        if len(dataset) == 0:
            raise ValueError("dataset: expected at least one sample, got none")
        self.dataset, self.batch_size = dataset, int(batch_size)
        self.shuffle, self.drop_last = shuffle, drop_last
        self.generator = None if generator is None else np.random.default_rng(generator)

    def __len__(self):
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self):
        n, size = len(self.dataset), self.batch_size
        order = _shuffled(n, self.generator) if self.shuffle else np.arange(n)
        for i in range(len(self)):
            yield _batch(self.dataset, order[i * size:(i + 1) * size])

    def __repr__(self):
        return (f"DataLoader({type(self.dataset).__name__} of {len(self.dataset)} samples, "
                f"batch_size={self.batch_size}, shuffle={self.shuffle}, "
                f"drop_last={self.drop_last})")


class Subset(Dataset):
    """The samples of dataset at these indices, in this order; nothing is copied.

    Raises TypeError if they are not integers, IndexError for one that dataset does not have.
    """

    def __init__(self, dataset, indices):
        indices, n = np.asarray(indices), len(dataset)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise TypeError(f"indices: expected a row of integers, got shape {indices.shape} and "
                            f"dtype {indices.dtype}")
        wrong = indices[(indices < -n) | (indices >= n)]
        if wrong.size:
            raise IndexError(f"indices: {wrong[0]} is not in a dataset of {n} samples")
        self.dataset, self.indices = dataset, indices.astype(np.int64)

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.dataset[int(self.indices[index])]

    def batch(self, indices):
        """The samples at these indices, as dataset itself makes a batch of them."""
        return _batch(self.dataset, self.indices[indices])


def random_split(dataset, lengths, generator=None):
    """Subsets of these lengths, drawn at random, each sample in exactly one of them.

    lengths are integers that add up to len(dataset), or fractions that add up to 1, so [1] means
    everything; what rounding down leaves over goes to the first ones, a sample each. generator:
    as in DataLoader. Raises ValueError if they add up to anything else or one is below 0,
    TypeError if they are no list of numbers.
    """
    if not isinstance(lengths, (list, tuple, np.ndarray)):
        raise TypeError(f"lengths: expected a list of numbers, got {lengths!r}")
    lengths, n = list(lengths), len(dataset)
    counts = lengths
    if math.isclose(sum(lengths), 1):
        # 1e-9, since 100 * 0.29 is a hair below 29
        whole = [math.floor(n * fraction + 1e-9) for fraction in lengths]
        counts = [k + (i < n - sum(whole)) for i, k in enumerate(whole)]
    if not all(k >= 0 and k % 1 == 0 for k in counts) or sum(counts) != n:
        raise ValueError(f"lengths: expected integers that add up to {n}, or fractions that add "
                         f"up to 1, got {lengths}")
    order = _shuffled(n, generator)
    return [Subset(dataset, part) for part in np.split(order, np.cumsum(counts[:-1], dtype=int))]


def parse_idx(content):
    """The array in content, the bytes of an IDX file of unsigned bytes.

    The file: two zeros, an 8, the number of dimensions, each length in four bytes with the most
    significant first, then the elements. Raises ValueError if content begins in any other
    way, or is not as long as it says.
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError(f"no IDX file of unsigned bytes: it begins with {bytes(content[:4])!r}")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"truncated: {len(content)} bytes, and the header alone takes {start}")
    shape = tuple(int.from_bytes(content[i:i + 4], "big") for i in range(4, start, 4))
    expected = start + math.prod(shape)
    if len(content) != expected:
        state = "truncated" if len(content) < expected else "too long"
        raise ValueError(f"{state}: {len(content)} bytes, and shape {shape} makes {expected}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def sha256(content):
    """The SHA-256 of bytes, as 64 hexadecimal digits."""
    import hashlib  # here and not above, as it takes its time to load

    return hashlib.sha256(content).hexdigest()


SHA256 = {  # of MNIST's files when they are decompressed
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def _unzipped(content):
    """The bytes that were gzipped. Raises ValueError if they are damaged."""
    import gzip
    import zlib

    try:
        return gzip.decompress(content)
    except EOFError:
        raise ValueError("truncated: its gzip stream has no end") from None
    except (OSError, zlib.error) as error:
        raise ValueError(f"damaged: {error}") from None


def _verified(content, name):
    """The array in content, the bytes of a file, plain or gzipped. Raises ValueError with what
    is wrong unless they are those of MNIST's file `name`."""
    if content[:2] == b"\x1f\x8b":  # so begins every gzipped file
        content = _unzipped(content)
    array, found = parse_idx(content), sha256(content)
    if found != SHA256[name]:
        for other, theirs in SHA256.items():
            if found == theirs:
                raise ValueError(f"swapped: it holds {other}")
        raise ValueError(f"altered: its SHA-256 is {found}, expected {SHA256[name]}")
    return array


def _cache():
    """The folder of this user for files that can be downloaded again."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return os.path.join(os.path.expanduser(base), "nptorch")


def _find(name, folders):
    """The path of `name`, plain or gzipped, in the first of the folders that has it, or None."""
    paths = [os.path.join(folder, file) for folder in folders for file in (name, f"{name}.gz")]
    return next(filter(os.path.exists, paths), None)


def _load(path, name):
    """The array in the file at path, verified to be MNIST's file `name`."""
    try:
        with open(path, "rb") as file:
            return _verified(file.read(), name)
    except OSError as error:
        raise OSError(f"{path}: can't be read ({error.strerror}): make it readable, or delete it "
                      "to have it downloaded") from error
    except ValueError as error:
        raise ValueError(f"{path} is not MNIST's {name}, {error}: delete it to have it "
                         "downloaded") from None


MIRRORS = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
]
TIMEOUT = 10.0  # seconds without a byte


def _bar(title, total):
    """A progress bar for bytes on a terminal, where tqdm is installed, otherwise None for it."""
    if sys.stderr is None or not sys.stderr.isatty():
        return contextlib.nullcontext()
    try:
        from tqdm import tqdm
    except ImportError:
        return contextlib.nullcontext()
    return tqdm(desc=title, total=total, unit="B", unit_scale=True)


def _get(url):
    """What the server at url sends."""
    from urllib.request import urlopen

    content = bytearray()
    with urlopen(url, timeout=TIMEOUT) as response:
        total = response.headers.get("Content-Length")
        with _bar(url.rpartition("/")[2], total and int(total)) as bar:
            while part := response.read(1 << 14):
                content += part
                if bar is not None:
                    bar.update(len(part))
    return bytes(content)


def _fetch(name):
    """MNIST's file `name`, gzipped and verified, from the first mirror that gives it; each is
    asked twice. Raises ConnectionError with all the answers if none does."""
    from http.client import HTTPException

    answers = []
    for mirror in MIRRORS * 2:
        try:
            content = _get(f"{mirror}{name}.gz")
            _verified(content, name)
            return content
        except (OSError, HTTPException, ValueError) as error:
            answers.append(f"\n    {mirror}: {error}")
    raise ConnectionError(
        f"{name} is in none of the folders, and no mirror gave it:{''.join(answers)}\n"
        "Check the network and try again, or get the four files elsewhere and name their folder: "
        "mnist(root=folder), or the environment variable NPTORCH_DATA.")


def _download(name, folder):
    """Fetch MNIST's file `name` into folder and return its path. It has a temporary name until
    it is complete and verified, so that nobody ever finds half of it under its own name."""
    path = os.path.join(folder, f"{name}.gz")
    partial = f"{path}.{os.getpid()}.partial"
    try:
        os.makedirs(folder, exist_ok=True)
        with open(partial, "wb") as file:  # first, since to fetch what can't be stored is in vain
            file.write(_fetch(name))
        os.replace(partial, path)
    except ConnectionError:
        raise
    except OSError as error:
        raise OSError(f"{folder}: can't store MNIST here ({error.strerror}): name a folder that "
                      "you may write to, as in mnist(root=folder)") from error
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    return path


def mnist(root=None):
    """MNIST's handwritten digits as (train, test), TensorDatasets of 60,000 and 10,000.

    Images float32 (N, 1, 28, 28) from 0 to 1, labels int64 (N,). The four files, plain or
    gzipped, are looked for in root, in the folder that NPTORCH_DATA names and in the user's cache
    folder; those found nowhere are downloaded into root, or without it into the cache. Every
    byte is verified. Source: LeCun, Cortes and Burges (1998).
    Raises OSError if a file can't be had, read or stored, ValueError for a damaged or wrong
    one. Each says what to do, and half a file is never left behind.
    """
    folders = [os.path.expanduser(f) for f in (root, os.environ.get("NPTORCH_DATA"), _cache()) if f]
    target = folders[0] if root else folders[-1]
    arrays = [_load(_find(name, folders) or _download(name, target), name) for name in SHA256]
    return tuple(TensorDataset(Tensor(images[:, None] / np.float32(255)),
                               Tensor(labels.astype(np.int64)))
                 for images, labels in (arrays[:2], arrays[2:]))

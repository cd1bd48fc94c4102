"""Data sets: scikit-learn's digits and MNIST (notebooks/06_data.ipynb)."""

import contextlib
import gzip
import hashlib
import os
from pathlib import Path

import numpy as np

from nptorch.autograd import Tensor
from nptorch.utils.data import TensorDataset


def digits():
    """scikit-learn's handwritten digits as (train, test), TensorDatasets of 1437 and 360: images
    float32 (N, 1, 8, 8) from 0 to 1, labels int64 (N,); the split is always the same. Source:
    Alpaydin and Kaynak (1998), UCI. Raises ImportError without scikit-learn."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("digits() needs scikit-learn: pip install scikit-learn") from None
    found = load_digits()
    return tuple(TensorDataset(Tensor((found.images[part, None] / 16).astype(np.float32)),
                               Tensor(found.target[part].astype(np.int64)))
                 for part in np.split(np.random.default_rng(0).permutation(1797), [1437]))


def parse_idx(content):
    """The array in the bytes of an IDX file of unsigned bytes: 0, 0, 8, the number of dimensions,
    their lengths in four bytes each, the elements. Raises ValueError if the lengths don't fit."""
    (n,) = content[3:4]
    shape = np.frombuffer(content, ">u4", n, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n).reshape(shape)


SHA256 = {  # of MNIST's files when they are decompressed
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"  # PyTorch's own


def _array(path, name):
    """The array in the file at path, plain or gzipped. Raises ValueError if it is not MNIST's."""
    content = Path(path).read_bytes()
    with contextlib.suppress(Exception):  # it is plain, or damaged: the hash tells
        content = gzip.decompress(content)
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise ValueError(f"{path} is damaged, or is not MNIST's {name}: delete it and get it anew")
    return parse_idx(content)


def _find(name, folder):
    """The path of MNIST's file `name` in folder, as its authors, torchvision or Kaggle have it."""
    names = [f"{stem}{end}" for stem in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
    ways = [way for n in names for way in (n, f"{n}/{n}", f"MNIST/raw/{n}")]
    return next(filter(Path.is_file, (Path(folder, way).expanduser() for way in ways)), None)


def _download(name, root):
    """The path of MNIST's file `name` in root or in the user's cache, downloaded if need be."""
    def checked(url, path, _):  # pooch moves path to its place unless this raises an error
        pooch.HTTPDownloader(timeout=10)(url, path, None)
        _array(path, name)

    try:
        import pooch

        folder, file = Path(root or pooch.os_cache("nptorch")).expanduser(), f"{name}.gz"
        store = pooch.create(folder, MIRROR, registry={file: None}, retry_if_failed=1)
        return store.fetch(file, downloader=checked)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise ConnectionError("MNIST is not here and can't be downloaded: pip install pooch, check "
                              "the network, or put its four files into a folder and name it, as in "
                              f"mnist(root=folder) or in NPTORCH_DATA\n({error})") from error


def mnist(root=None):
    """MNIST's handwritten digits as (train, test), TensorDatasets of 60,000 and 10,000.

    Images float32 (N, 1, 28, 28) from 0 to 1, labels int64 (N,). The files are looked for in root,
    the folder that NPTORCH_DATA names, data/MNIST/raw and the user's cache, else downloaded into
    root or the cache. Source: LeCun, Cortes and Burges. Raises ValueError for a damaged file,
    FileNotFoundError if NPTORCH_DATA is set and lacks one, ConnectionError if one can't be had."""
    arrays, given = [], os.environ.get("NPTORCH_DATA")
    for name in SHA256:
        path = (root and _find(name, root)) or (given and _find(name, given))
        if given and not path:
            raise FileNotFoundError(f"NPTORCH_DATA names {given}, where there is no {name}")
        arrays.append(_array(path or _find(name, "data") or _download(name, root), name))
    return tuple(TensorDataset(Tensor(x[:, None] / np.float32(255)), Tensor(y.astype(np.int64)))
                 for x, y in (arrays[:2], arrays[2:]))


def mnist_or_digits():
    """mnist(), or where it can't be had digits() in its shape, after a printed sentence: each pixel
    three wide, in a margin of two zeros, and those to train on four times over."""
    try:
        return mnist()
    except ConnectionError as error:
        print("digits() takes MNIST's place, enlarged:", str(error).partition("\n")[0])
    parts = []
    for part, times in zip(digits(), (4, 1)):
        images, labels = (np.concatenate([t.data] * times) for t in part.tensors)
        images = np.pad(np.kron(images, np.ones((3, 3), np.float32)), [(0,), (0,), (2,), (2,)])
        parts.append(TensorDataset(Tensor(images), Tensor(labels)))
    return tuple(parts)

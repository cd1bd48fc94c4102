"""nptorch.utils.data and nptorch.datasets: batches against plain indexing and against PyTorch's,
loaders that lose nothing, and MNIST's files, from a folder and from a server of this test's own."""

import gzip
import hashlib
import http.server
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import nptorch
from nptorch import Tensor, datasets
from nptorch.datasets import digits, mnist, mnist_or_digits, parse_idx
from nptorch.utils.data import (
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(11, 2, 3)).astype(np.float32)
Y = RNG.integers(0, 10, 11)
PAIR = TensorDataset(Tensor(X), Tensor(Y))


class OneByOne(Dataset):
    """PAIR behind the bare contract: a length, and one sample at a time."""

    def __len__(self):
        return len(PAIR)

    def __getitem__(self, index):
        assert type(index) is int
        return PAIR[index]


class Many(OneByOne):
    """PAIR with PyTorch's hook for many samples at once, which gives a list of them."""

    __getitem__ = None  # nobody asks for one

    def __getitems__(self, indices):
        assert type(indices) is list and all(type(i) is int for i in indices)
        return [PAIR[i] for i in indices]


def numbers(loader):
    """The samples' own numbers, batch by batch."""
    return [batch.tolist() for (batch,) in loader]


def numbered(n):
    return TensorDataset(Tensor(np.arange(n)))


# Datasets


@pytest.mark.parametrize("indices", [[3], [0, 10, 3, 3], [-1, 5], range(11)])
@pytest.mark.parametrize("dataset", [PAIR, OneByOne(), Many(), [*PAIR]],
                         ids=["tensors", "one by one", "many", "list"])
def test_batch_is_plain_indexing(dataset, indices):
    x, y = next(iter(DataLoader(Subset(dataset, indices), len(indices))))
    np.testing.assert_array_equal(x, X[list(indices)])
    np.testing.assert_array_equal(y, Y[list(indices)])
    assert (x.dtype, y.dtype) == (np.float32, np.int64) and isinstance(x, Tensor)
    assert not np.shares_memory(x.data, X)


SAMPLES = {
    "pair": [(1.5, 2), (0.1, 3)],
    "list": [[1.5, True], [2.5, False]],
    "nested": [((np.ones(2, np.float32), 1), 7), ((np.zeros(2, np.float32), 2), 8)],
    "list in a pair": [([1, 2.5], 3), ([4, 5.5], 6)],
    "dict": [{"x": np.ones(3), "y": 1}, {"x": np.zeros(3), "y": 2}],
    "strings": [("cat", 1), ("dog", 2)],
    "bytes": [b"cat", b"dog"],
    "NumPy's numbers": [(np.float32(1), np.float64(2), np.uint8(3)),
                        (np.float32(4), np.float64(5), np.uint8(6))],
    "numbers": [1, 2],
    "floats": [0.1, 0.2],
}


def plain(batch, names):
    """A batch with lists and (dtype, list) in the place of Tensors, PyTorch's or ours."""
    if isinstance(batch, dict):
        return {key: plain(value, names) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return [plain(value, names) for value in batch]
    return batch if isinstance(batch, (str, bytes)) else (names(batch.dtype), batch.tolist())


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_collated_as_in_pytorch(name):
    torch = pytest.importorskip("torch")
    samples = SAMPLES[name]
    ours = plain(default_collate(samples), lambda dtype: str(dtype))
    theirs = plain(torch.utils.data.default_collate(samples), lambda d: str(d).split(".")[1])
    assert ours == theirs


def test_nested_samples_stay_nested():
    samples = [((X[i], X[i + 1]), i) for i in range(5)]
    (a, b), label = next(iter(DataLoader(samples, batch_size=4)))
    np.testing.assert_array_equal(a, X[:4])
    np.testing.assert_array_equal(b, X[1:5])
    assert label.tolist() == [0, 1, 2, 3] and label.dtype == np.int64
    assert default_collate([0.1, 0.2]).dtype == np.float64
    named = default_collate([{"x": 1, "name": "a"}, {"x": 2, "name": "b"}])
    assert named["x"].tolist() == [1, 2] and named["name"] == ["a", "b"]


@pytest.mark.parametrize(("samples", "message"), [
    ([np.zeros(3), np.zeros(4)], r"a batch needs samples of one shape, got \[\(3,\), \(4,\)\]"),
    ([(np.zeros(2), 1), (np.zeros((2, 1)), 2)], r"one shape, got \[\(2,\), \(2, 1\)\]"),
    ([(1, 2), (1,)], "shorter"),
])
def test_samples_of_different_forms_are_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        default_collate(samples)


def test_samples_that_are_no_tuples_give_one_tensor():
    class Squares(Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return index**2

    assert [batch.tolist() for batch in DataLoader(Squares(), 2)] == [[0, 1], [4, 9], [16]]
    assert repr(Squares()) == "Squares(5 samples)"
    squares = iter(Squares())  # which raises no IndexError
    assert [next(squares, None) for _ in range(6)] == [0, 1, 4, 9, 16, None]


@pytest.mark.parametrize("use", [len, lambda dataset: dataset[0]])
def test_dataset_without_its_methods_says_so(use):
    class Bare(Dataset):
        pass

    with pytest.raises(NotImplementedError, match="Bare does not define __"):
        use(Bare())


@pytest.mark.parametrize("base", [TensorDataset, Subset])
def test_derived_class_keeps_its_getitem(base):
    class Doubled(base):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            return 2 * x, y

    dataset = Doubled(Tensor(X), Tensor(Y)) if base is TensorDataset else Doubled(PAIR, range(11))
    for found in dataset, Subset(dataset, range(11)):
        np.testing.assert_array_equal(next(iter(DataLoader(found, 11)))[0], 2 * X)


@pytest.mark.parametrize("dataset", [PAIR, OneByOne()])
def test_subset_of_a_subset_reaches_through(dataset):
    inner = Subset(Subset(dataset, [9, 7, 5, 3]), Tensor(np.array([2, 0, -1])))
    np.testing.assert_array_equal(next(iter(DataLoader(inner, 3)))[1], Y[[5, 9, 3]])
    assert [inner[i][1].item() for i in range(3)] == Y[[5, 9, 3]].tolist()
    assert len(inner) == 3 and len(Subset(PAIR, [])) == 0


def test_subset_refuses_a_mask():
    with pytest.raises(TypeError, match="dtype bool .np.flatnonzero"):
        Subset(PAIR, Y == 3)


@pytest.mark.parametrize(
    ("n", "lengths", "expected"),
    [
        (10, [7, 3], [7, 3]),
        (10, [0, 10], [0, 10]),
        (10, np.array([4, 6]), [4, 6]),
        (10, [0.5, 0.25, 0.25], [6, 2, 2]),
        (7, [0.1] * 10, [1] * 7 + [0] * 3),
        (1437, [0.8, 0.2], [1150, 287]),
        (1, [1], [1]),
        (5, [1], [5]),
    ],
)
def test_random_split_puts_each_sample_in_one_part(n, lengths, expected):
    parts = random_split(numbered(n), lengths, generator=0)
    assert [len(part) for part in parts] == expected
    assert sorted(np.concatenate([part.indices for part in parts])) == list(range(n))


@pytest.mark.parametrize("lengths", [[0.71, 0.29], [1 / 3] * 3, [0.7, 0.2, 0.1]])
def test_random_split_has_pytorchs_lengths(lengths):
    torch = pytest.importorskip("torch")
    theirs = torch.utils.data.random_split(range(100), lengths)
    assert [len(p) for p in random_split(range(100), lengths)] == [len(p) for p in theirs]


def test_random_split_is_repeated_by_seed_and_by_manual_seed():
    def cut(generator):
        return [part.indices.tolist() for part in random_split(numbered(50), [30, 20], generator)]

    assert cut(3) == cut(3) == cut(np.random.default_rng(3)) != cut(4)
    nptorch.manual_seed(3)
    first = cut(None)
    assert cut(None) != first
    nptorch.manual_seed(3)
    assert cut(None) == first


# Loaders


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("n", "size"), [(10, 1), (10, 3), (10, 5), (10, 10), (10, 11), (1, 1)])
def test_every_sample_comes_once_per_epoch(n, size, drop_last, shuffle):
    loader = DataLoader(numbered(n), size, shuffle, drop_last=drop_last, generator=0)
    whole = n - n % size if drop_last else n
    for _ in range(3):
        batches = numbers(loader)
        assert len(batches) == len(loader) == -(-whole // size)
        assert all(len(batch) == size for batch in batches[: n // size])
        seen = [number for batch in batches for number in batch]
        assert len(seen) == len(set(seen)) == whole and set(seen) <= set(range(n))
        assert shuffle or seen == list(range(whole))


def test_the_fourth_argument_is_a_sampler():
    assert [x.tolist() for x, *_ in DataLoader(PAIR, 2, False, [3, 2, 1])] == [
        PAIR[[3, 2]][0].tolist(), PAIR[[1]][0].tolist()]


def test_arrays_are_fetched_by_one_index(monkeypatch):
    asked = []
    getitem = Tensor.__getitem__
    monkeypatch.setattr(Tensor, "__getitem__", lambda t, key: asked.append(key) or getitem(t, key))
    assert len(list(DataLoader(Subset(PAIR, range(11)), 4, shuffle=True))) == 3
    assert len(asked) == 3 * 2


def test_orders_differ_between_epochs_and_are_repeated_by_seed():
    def epochs(generator):
        loader = DataLoader(numbered(40), 8, shuffle=True, generator=generator)
        return [numbers(loader) for _ in range(3)]

    first = epochs(5)
    assert first[0] != first[1] != first[2]
    assert epochs(5) == epochs(np.int64(5)) == epochs(np.random.default_rng(5)) == first
    assert epochs(6) != first


def test_orders_are_governed_by_manual_seed():
    loader = DataLoader(numbered(40), 8, shuffle=True)
    nptorch.manual_seed(1)
    first = [numbers(loader), numbers(loader)]
    nptorch.manual_seed(1)
    assert [numbers(loader), numbers(loader)] == first
    nptorch.manual_seed(1)
    numbers(DataLoader(numbered(40), 8, shuffle=True, generator=0))  # leaves the package's alone
    assert numbers(loader) == first[0]


def test_loader_agrees_with_pytorchs():
    torch = pytest.importorskip("torch")
    theirs = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    for drop_last in False, True:
        ours = DataLoader(PAIR, batch_size=4, drop_last=drop_last)
        loader = torch.utils.data.DataLoader(theirs, batch_size=4, drop_last=drop_last)
        assert len(ours) == len(loader)
        for a, b in zip(ours, loader, strict=True):
            assert type(a) is type(b) is list
            for mine, other in zip(a, b, strict=True):
                np.testing.assert_array_equal(mine, other.numpy())


# Digits


def test_digits():
    train, test = digits()
    for part, n in (train, 1437), (test, 360):
        images, labels = part.tensors
        assert (images.shape, images.dtype) == ((n, 1, 8, 8), np.float32)
        assert (labels.shape, labels.dtype) == ((n,), np.int64)
        assert (images.data.min(), images.data.max()) == (0, 1)
    again, _ = digits()
    np.testing.assert_array_equal(again.tensors[0], train.tensors[0])


def test_digits_are_scikit_learns_each_once():
    found = pytest.importorskip("sklearn.datasets").load_digits()
    rows = [np.column_stack([images.data.reshape(-1, 64) * 16, labels.data])
            for images, labels in (part.tensors for part in digits())]
    ours, theirs = np.concatenate(rows), np.column_stack([found.data, found.target])
    order = [np.lexsort(table.T) for table in (ours, theirs)]
    np.testing.assert_array_equal(ours[order[0]], theirs[order[1]])
    assert (ours[:10] != theirs[:10]).any(axis=1).all()  # in another order


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        digits()


def test_import_loads_nothing_slow():
    slow = ["urllib.request", "http.client", "requests", "pooch", "tqdm", "sklearn", "numpy.random"]
    program = ("import sys, nptorch.utils.data, nptorch.datasets; "
               f"print([m for m in {slow} if m in sys.modules])")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True,
                            text=True, env=environment)
    assert result.stdout.strip() == "[]"


# MNIST's files: small ones of our own, whose sums take the place of the real ones


def idx(array):
    lengths = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


ARRAYS = [RNG.integers(0, 256, (300, 28, 28)), RNG.integers(0, 10, 300),
          RNG.integers(0, 256, (12, 28, 28)), RNG.integers(0, 10, 12)]
ARRAYS = [array.astype(np.uint8) for array in ARRAYS]
FILES = dict(zip(datasets.SHA256, map(idx, ARRAYS), strict=True))
NAMES = list(FILES)
NAME = NAMES[0]


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Four small files count as MNIST, no folder holds any, and there is no mirror."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    monkeypatch.setattr(datasets, "SHA256", sums)
    monkeypatch.setattr(datasets, "MIRROR", "http://127.0.0.1:9/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("NPTORCH_DATA", raising=False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between two tries
    monkeypatch.chdir(tmp_path)
    if sys.platform == "darwin":
        monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)


def fill(folder, name_of="{name}", names=NAMES):
    """Write the files into folder, each at the place that name_of makes of its name."""
    for name in names:
        path = folder / name_of.format(name=name, dotted=name.replace("-idx", ".idx"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(FILES[name]) if path.suffix == ".gz" else FILES[name])
    return folder


def check(parts):
    for found, images, labels in zip(parts, ARRAYS[::2], ARRAYS[1::2], strict=True):
        x, y = found.tensors
        assert (x.shape, x.dtype, y.dtype) == ((len(images), 1, 28, 28), np.float32, np.int64)
        np.testing.assert_allclose(x.data[:, 0], images / 255, rtol=1e-6)
        np.testing.assert_array_equal(y, labels)


def test_idx_files_of_one_and_three_dimensions():
    for array in ARRAYS:  # one has a length above 255
        np.testing.assert_array_equal(parse_idx(idx(array)), array)


@pytest.mark.parametrize("content", [
    FILES[NAME][:-1], FILES[NAME] + b"!", FILES[NAME][:7], b"<html>404</html>", b"", b"\0\0\x08\0",
])
def test_idx_file_of_another_length_is_refused(content):
    with pytest.raises(ValueError):
        parse_idx(content)


@pytest.mark.parametrize("name_of", [
    "{name}", "{name}.gz", "MNIST/raw/{name}", "MNIST/raw/{name}.gz", "{dotted}", "{dotted}.gz",
    "{name}/{name}", "{dotted}/{dotted}",
])
def test_files_are_found_as_their_sources_name_them(small, tmp_path, monkeypatch, name_of):
    folder = fill(tmp_path / "here", name_of)
    check(mnist(folder))
    check(mnist(str(folder)))
    monkeypatch.setenv("NPTORCH_DATA", str(folder))
    check(mnist())


@pytest.mark.parametrize("winner", ["root", "variable", "data", "cache"])
def test_folders_are_searched_in_order(small, tmp_path, monkeypatch, winner):
    places = {"root": "root/{name}", "variable": "variable/{name}", "data": "data/MNIST/raw/{name}",
              "cache": "cache/nptorch/{name}.gz"}
    later = list(places)[list(places).index(winner):]
    for place in later:
        fill(tmp_path, places[place])
    for place in later[1:]:  # to open one of these would be noticed
        (tmp_path / places[place].format(name=NAME)).write_bytes(b"wrong")
    if winner in ("root", "variable"):
        monkeypatch.setenv("NPTORCH_DATA", str(tmp_path / "variable"))
    check(mnist(tmp_path / "root" if winner == "root" else None))


def test_misspelt_variable_is_no_reason_to_look_elsewhere(small, tmp_path, monkeypatch):
    fill(tmp_path, "data/MNIST/raw/{name}")
    monkeypatch.setenv("NPTORCH_DATA", str(tmp_path / "mnits"))
    for load in mnist, mnist_or_digits, lambda: mnist(tmp_path / "root"):
        with pytest.raises(FileNotFoundError, match="NPTORCH_DATA names .*mnits.* no train-images"):
            load()


ZIPPED = gzip.compress(FILES[NAME], mtime=0)


@pytest.mark.parametrize("content", [
    FILES[NAME][:-1], FILES[NAME][:-1] + bytes([FILES[NAME][-1] ^ 1]), FILES[NAMES[2]],
    ZIPPED[:-20], ZIPPED[:-8] + b"\0" * 8, b"\x1f\x8b" + b"\0" * 50, ZIPPED[:30], b"<html>", b"",
])
def test_bad_file_is_refused_with_its_path_and_the_remedy(small, tmp_path, content):
    path = fill(tmp_path / "here") / NAME
    path.write_bytes(content)
    for load in mnist, lambda root: mnist_or_digits():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NPTORCH_DATA", str(tmp_path / "here"))
            with pytest.raises(ValueError, match=f"is damaged, or is not MNIST's {NAME}: delete"):
                load(tmp_path / "here")
    assert path.read_bytes() == content


# Downloading


@pytest.fixture
def server(small, monkeypatch):
    """A server that gives FILES, gzipped, in the way that its attribute says."""
    pytest.importorskip("pooch")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            content = gzip.compress(FILES[self.path[1:].removesuffix(".gz")], mtime=0)
            if server.way == "missing" or (server.way == "once" and len(server.asked) == 1):
                self.send_error(404)
                return
            if server.way == "page":
                content = b"<html>Welcome to our hotel</html>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if server.way == "cut" else content)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.way = [], "right"
    monkeypatch.setattr(datasets, "MIRROR", f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def files_below(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("root", [None, "new/root"])
@pytest.mark.parametrize("way", ["right", "once"])
def test_missing_files_are_downloaded_and_kept(server, tmp_path, root, way):
    server.way = way
    root = root and tmp_path / root
    check(mnist(root))
    asked = len(server.asked)
    assert asked == (4 if way == "right" else 5)
    assert files_below(root or tmp_path / "cache") == sorted(f"{name}.gz" for name in NAMES)
    (root or tmp_path / "cache/nptorch").joinpath(f"{NAMES[3]}.gz").unlink()
    check(mnist(root))
    assert len(server.asked) == asked + 1


@pytest.mark.parametrize("way", ["missing", "cut", "page"])
def test_bad_download_leaves_nothing(server, tmp_path, way):
    server.way = way
    with pytest.raises(ConnectionError, match="pip install pooch, check the network, or put"):
        mnist()
    assert files_below(tmp_path) == []
    server.way = "right"
    check(mnist())


@pytest.mark.parametrize("reason", ["no pooch", "no network", "no home", "no folder"])
def test_without_a_way_to_mnist_digits_take_its_place(small, tmp_path, monkeypatch, capsys, reason):
    if reason == "no pooch":
        monkeypatch.setitem(sys.modules, "pooch", None)
    else:
        pooch = pytest.importorskip("pooch")
    if reason == "no home":
        monkeypatch.setattr(pooch, "os_cache", lambda name: "~/.cache/nptorch")
        monkeypatch.setattr("os.path.expanduser", lambda path: path)
    if reason == "no folder":
        (tmp_path / "cache").write_bytes(b"a file where the folder should be")
    with pytest.raises(ConnectionError, match="put its four files .*mnist.root=folder. or in NPTO"):
        mnist()
    train, test = mnist_or_digits()
    out = capsys.readouterr().out
    assert out.startswith("digits() takes MNIST's place, enlarged: MNIST is not here and can't be")
    assert out.count("\n") == 1 and not (tmp_path / "~").exists()
    for ours, theirs, times in zip((train, test), digits(), (4, 1), strict=True):
        (x, y), (images, labels) = ours.tensors, theirs.tensors
        assert (x.shape, x.dtype) == ((times * len(theirs), 1, 28, 28), np.float32)
        np.testing.assert_array_equal(y, np.concatenate([labels.data] * times))
        for pixel in np.ndindex(3, 3):
            found = x.data[-len(theirs):, :, 2 + pixel[0]:26:3, 2 + pixel[1]:26:3]
            np.testing.assert_array_equal(found, images)
        assert x.data.sum() == pytest.approx(9 * times * images.data.sum())


# MNIST itself


@pytest.mark.skipif(not os.environ.get("NPTORCH_DATA"), reason="NPTORCH_DATA names no folder")
def test_mnist_itself_in_less_than_a_gigabyte():
    program = (
        "from nptorch.datasets import mnist\n"
        "train, test = mnist()\n"
        "shapes = [t.shape for part in (train, test) for t in part.tensors]\n"
        "assert shapes == [(60000, 1, 28, 28), (60000,), (10000, 1, 28, 28), (10000,)]\n"
        "assert [y.data[:5].tolist() for _, y in (train.tensors, test.tensors)] \\\n"
        "    == [[5, 0, 4, 1, 9], [7, 2, 1, 0, 4]]\n"
        "x = train.tensors[0].data\n"
        "assert (x.min(), x.max()) == (0, 1) and abs(x.mean() - 0.1307) < 1e-4\n"
        "try:\n"
        "    import resource, sys\n"
        "    unit = 1 if sys.platform == 'darwin' else 1024\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)\n"
        "except ImportError:\n"
        "    print(0)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True,
                            text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) < 1e9

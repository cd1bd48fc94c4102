"""nptorch.data: batches against plain indexing, loaders that lose nothing, and MNIST's files, from
a folder and from a server of this test's own, whole and in every state of damage."""

import gzip
import http.server
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import nptorch
from nptorch import Tensor, data
from nptorch.data import DataLoader, Dataset, Subset, TensorDataset, digits, mnist, random_split

RNG = np.random.default_rng(0)
X = RNG.normal(size=(11, 2, 3)).astype(np.float32)
Y = RNG.integers(0, 10, 11)
PAIR = TensorDataset(Tensor(X), Tensor(Y))


class OneByOne(Dataset):
    """PAIR behind the bare contract: a length, and one sample at a time."""

    def __len__(self):
        return len(PAIR)

    def __getitem__(self, index):
        return PAIR[index]


def numbers(loader):
    """The samples' own numbers, batch by batch."""
    return [batch.tolist() for (batch,) in loader]


def numbered(n):
    return TensorDataset(Tensor(np.arange(n)))


# Datasets


@pytest.mark.parametrize("indices", [[3], [0, 10, 3, 3], np.array([-1, 5]), range(11)])
@pytest.mark.parametrize("dataset", [PAIR, OneByOne(), Subset(PAIR, range(11))])
def test_batch_is_plain_indexing(dataset, indices):
    x, y = dataset.batch(np.asarray(indices))
    np.testing.assert_array_equal(x, X[list(indices)])
    np.testing.assert_array_equal(y, Y[list(indices)])
    assert (x.dtype, y.dtype) == (np.float32, np.int64) and isinstance(x, Tensor)
    assert not np.shares_memory(x.data, X)


def test_sample_is_a_tuple_of_entries():
    x, y = PAIR[4]
    np.testing.assert_array_equal(x, X[4])
    assert y.item() == Y[4] and len(PAIR) == 11
    assert [len(entry) for entry in PAIR[2:5]] == [3, 3]


@pytest.mark.parametrize(
    ("sample", "dtypes"),
    [
        ((1.5, 2), [np.float32, np.int64]),
        ([np.float64(1.5), True], [np.float64, np.bool_]),
        ((np.ones(2, np.float32), Tensor(np.zeros((2, 1)))), [np.float32, np.float64]),
    ],
)
def test_samples_are_stacked_with_pytorchs_dtypes(sample, dtypes):
    batch = next(iter(DataLoader([sample] * 3, batch_size=2)))
    assert [t.dtype for t in batch] == dtypes
    assert [t.shape for t in batch] == [(2, *np.shape(value)) for value in sample]


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


def test_subset_of_a_subset_reaches_through():
    inner = Subset(Subset(PAIR, [9, 7, 5, 3]), np.array([2, 0, -1]))
    np.testing.assert_array_equal(inner.batch(np.array([0, 1, 2]))[1], Y[[5, 9, 3]])
    assert [inner[i][1].item() for i in range(3)] == Y[[5, 9, 3]].tolist()
    assert len(inner) == 3 and len(Subset(PAIR, [])) == 0


def test_batch_of_a_foreign_dataset_is_not_called():
    class Pairs(list):
        batch = "a column of that name"

    assert [b.tolist() for b in DataLoader(Pairs([1, 2, 3]), batch_size=2)] == [[1, 2], [3]]


def test_subset_of_a_list():
    pairs = [(i * 0.5, i) for i in range(6)]
    x, y = next(iter(DataLoader(Subset(pairs, Tensor(np.array([4, 1]))), batch_size=2)))
    assert (x.tolist(), y.tolist()) == ([2.0, 0.5], [4, 1])


@pytest.mark.parametrize(
    ("n", "lengths", "expected"),
    [
        (10, [7, 3], [7, 3]),
        (10, [0, 10], [0, 10]),
        (10, [0.5, 0.25, 0.25], [6, 2, 2]),
        (100, [0.71, 0.29], [71, 29]),
        (7, [0.1] * 10, [1] * 7 + [0] * 3),
        (1, [1], [1]),
        (5, [1], [5]),
    ],
)
def test_random_split_puts_each_sample_in_one_part(n, lengths, expected):
    parts = random_split(numbered(n), lengths, generator=0)
    assert [len(part) for part in parts] == expected
    assert sorted(np.concatenate([part.indices for part in parts])) == list(range(n))


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
    loader = DataLoader(numbered(n), size, shuffle, drop_last, generator=0)
    whole = n - n % size if drop_last else n
    for _ in range(3):
        batches = numbers(loader)
        assert len(batches) == len(loader) == -(-whole // size)
        assert all(len(batch) == size for batch in batches[: n // size])
        seen = [number for batch in batches for number in batch]
        assert len(seen) == len(set(seen)) == whole and set(seen) <= set(range(n))
        assert shuffle or seen == list(range(whole))


def test_custom_dataset_and_arrays_give_the_same_batches():
    ways = (DataLoader(way, 4, shuffle=True, generator=1) for way in (PAIR, OneByOne()))
    for fast, slow in zip(*ways, strict=True):
        assert isinstance(fast, list) and isinstance(slow, list)
        for a, b in zip(fast, slow, strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype


def test_arrays_are_fetched_by_one_index(monkeypatch):
    def refuse(self, index):
        raise AssertionError("asked for a single sample")

    monkeypatch.setattr(TensorDataset, "__getitem__", refuse)
    assert len(list(DataLoader(Subset(PAIR, range(11)), 4, shuffle=True))) == 3


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


def test_two_walks_over_one_loader_do_not_disturb_each_other():
    loader = DataLoader(numbered(6), 2)
    assert [a.tolist() == b.tolist() for (a,), (b,) in zip(loader, loader)] == [True] * 3


def test_loader_presents_itself():
    loader = DataLoader(PAIR, batch_size=4, shuffle=True)
    assert repr(loader) == (
        "DataLoader(TensorDataset of 11 samples, batch_size=4, shuffle=True, drop_last=False)"
    )
    assert (len(loader), loader.batch_size, loader.dataset) == (3, 4, PAIR)


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


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        digits()


def test_import_loads_nothing_slow():
    slow = ["urllib.request", "gzip", "hashlib", "http.client", "tqdm", "sklearn", "numpy.random"]
    program = f"import sys, nptorch.data; print([m for m in {slow} if m in sys.modules])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True,
                            text=True, env=environment)
    assert result.stdout.strip() == "[]"


# MNIST's files: small ones of our own, whose sums take the place of the real ones


def idx(array):
    lengths = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def part(n, seed):
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 256, (n, 28, 28)).astype(np.uint8),
            rng.integers(0, 10, n).astype(np.uint8))


ARRAYS = dict(zip(data.SHA256, [*part(30, 1), *part(12, 2)], strict=True))
FILES = {name: idx(array) for name, array in ARRAYS.items()}
NAME = "train-images-idx3-ubyte"


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Four small files count as MNIST, no folder holds any, and there is no mirror."""
    sums = {name: data.sha256(content) for name, content in FILES.items()}
    monkeypatch.setattr(data, "SHA256", sums)
    monkeypatch.setattr(data, "MIRRORS", [])
    monkeypatch.setattr(data, "TIMEOUT", 5.0)
    monkeypatch.setattr(data, "_cache", lambda: str(tmp_path / "cache"))
    monkeypatch.delenv("NPTORCH_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def fill(folder, zipped=False, names=FILES):
    """Write the files into folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        content = gzip.compress(FILES[name]) if zipped else FILES[name]
        (folder / (f"{name}.gz" if zipped else name)).write_bytes(content)
    return folder


def check(parts):
    arrays = list(ARRAYS.values())
    for found, images, labels in zip(parts, arrays[::2], arrays[1::2], strict=True):
        x, y = found.tensors
        assert (x.shape, x.dtype, y.dtype) == ((len(images), 1, 28, 28), np.float32, np.int64)
        np.testing.assert_allclose(x.data[:, 0], images / 255, rtol=1e-6)
        np.testing.assert_array_equal(y, labels)


@pytest.mark.parametrize("zipped", [False, True])
def test_files_serve_plain_and_gzipped(small, tmp_path, zipped):
    check(mnist(fill(tmp_path / "here", zipped)))
    assert not (tmp_path / "cache").exists()


def test_gzip_is_told_by_content_and_not_by_name(small, tmp_path):
    folder = fill(tmp_path / "here")
    (folder / NAME).write_bytes(gzip.compress(FILES[NAME]))
    check(mnist(str(folder)))


@pytest.mark.parametrize("winner", ["root", "NPTORCH_DATA", "cache"])
def test_folders_are_searched_in_order(small, tmp_path, monkeypatch, winner):
    folders = ["root", "NPTORCH_DATA", "cache"]
    for folder in folders[folders.index(winner):]:
        fill(tmp_path / folder)
    for folder in folders[folders.index(winner) + 1:]:  # to open one of these would be noticed
        (tmp_path / folder / NAME).write_bytes(b"wrong")
    monkeypatch.setenv("NPTORCH_DATA", str(tmp_path / "NPTORCH_DATA"))
    check(mnist(tmp_path / "root"))


def test_each_file_is_searched_by_itself(small, tmp_path, monkeypatch):
    names = list(FILES)
    fill(tmp_path / "root", names=names[:1])
    fill(tmp_path / "variable", names=names[1:3], zipped=True)
    fill(tmp_path / "cache", names=names[3:])
    monkeypatch.setenv("NPTORCH_DATA", str(tmp_path / "variable"))
    check(mnist(tmp_path / "root"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (FILES[NAME][:-1], "truncated: 23535 bytes, and shape .* makes 23536"),
        (FILES[NAME] + b"!", "too long: 23537 bytes"),
        (FILES[NAME][:7], "truncated: 7 bytes, and the header alone takes 16"),
        (gzip.compress(FILES[NAME], mtime=0)[:-20], "truncated: its gzip stream has no end"),
        (gzip.compress(FILES[NAME], mtime=0)[:-8] + b"\0" * 8, "damaged: CRC check failed"),
        (b"\x1f\x8b" + b"\0" * 50, "damaged"),
        (FILES[NAME][:-1] + bytes([FILES[NAME][-1] ^ 1]), "altered: its SHA-256 is [0-9a-f]{64}"),
        (FILES["t10k-images-idx3-ubyte"], "swapped: it holds t10k-images-idx3-ubyte"),
        (gzip.compress(FILES["train-labels-idx1-ubyte"], mtime=0), "swapped: it holds train-labels"),
        (b"<html>404</html>", "no IDX file .* begins with b'<htm'"),
        (b"", "no IDX file"),
    ],
    ids=lambda value: value[:9] if isinstance(value, str) else "",
)
def test_bad_file_is_refused_with_its_path_and_the_remedy(small, tmp_path, content, reason):
    path = fill(tmp_path / "here") / NAME
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{NAME} is not MNIST's {NAME}, {reason}") as caught:
        mnist(tmp_path / "here")
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).endswith("delete it to have it downloaded")
    assert path.read_bytes() == content


def test_every_flipped_bit_of_a_header_is_noticed(small):
    for bit in range(8 * 16):
        content = bytearray(FILES[NAME])
        content[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="no IDX|truncated|too long|altered"):
            data._verified(bytes(content), NAME)


def test_unreadable_file_is_refused_with_the_remedy(small, tmp_path):
    folder = fill(tmp_path / "here", names=list(FILES)[1:])
    (folder / NAME).mkdir()
    with pytest.raises(OSError, match=f"{NAME}: can't be read .*: make it readable, or delete it"):
        mnist(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read it all")
def test_forbidden_file_and_folder(small, tmp_path):
    path = fill(tmp_path / "here") / NAME
    path.chmod(0)
    with pytest.raises(OSError, match="can't be read"):
        mnist(tmp_path / "here")
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OSError, match="can't store MNIST here"):
        mnist(tmp_path / "closed")


# Downloading


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves FILES, gzipped, in the way that the first folder of the path says."""

    def do_GET(self):
        self.server.asked.append(self.path)
        _, way, file = self.path.split("/")
        content = gzip.compress(FILES[file.removesuffix(".gz")], mtime=0)
        if way == "once" and len(self.server.asked) == 1:
            way = "missing"
        if way == "missing":
            self.send_error(404)
            return
        if way == "wrong":
            content = gzip.compress(FILES[NAME][:-1] + b"!")
        if way == "page":
            content = b"<html>Welcome to our hotel</html>"
        self.send_response(200)
        if way != "unsized":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if way in ("cut", "stall"):
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            if way == "stall":
                self.server.finished.wait(30)
        else:
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(small):
    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    server.asked, server.finished = [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.finished.set()
    server.shutdown()
    server.server_close()
    thread.join()


def files_below(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


WHOLE = sorted(f"{name}.gz" for name in FILES)


@pytest.mark.parametrize("way", ["right", "unsized"])
@pytest.mark.parametrize("root", [None, "new/root"])
def test_missing_files_are_downloaded_and_kept(server, tmp_path, monkeypatch, way, root):
    monkeypatch.setattr(data, "MIRRORS", [f"{server.url}{way}/"])
    root = root and tmp_path / root
    check(mnist(root))
    assert files_below(root or tmp_path / "cache") == files_below(tmp_path) == WHOLE
    assert len(server.asked) == 4
    check(mnist(root))
    assert len(server.asked) == 4


def test_only_what_is_missing_is_downloaded(server, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "MIRRORS", [f"{server.url}right/"])
    monkeypatch.setenv("NPTORCH_DATA", str(fill(tmp_path / "some", names=list(FILES)[:3])))
    check(mnist())
    assert files_below(tmp_path / "cache") == ["t10k-labels-idx1-ubyte.gz"]
    assert len(files_below(tmp_path / "some")) == 3


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("missing", "HTTP Error 404"),
        ("cut", "truncated|IncompleteRead"),
        ("stall", "timed out"),
        ("wrong", "altered: its SHA-256"),
        ("page", "no IDX file"),
    ],
)
def test_bad_mirror_is_asked_twice_and_the_other_serves(server, tmp_path, monkeypatch, way, reason):
    bad = f"{server.url}{way}/"
    monkeypatch.setattr(data, "MIRRORS", [bad])
    if way == "stall":
        monkeypatch.setattr(data, "TIMEOUT", 0.3)
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=f"{NAME} is in none of the folders") as caught:
        mnist()
    assert time.monotonic() - start < 10
    message = str(caught.value)
    assert message.count(bad) == len(server.asked) == 2
    assert "mnist(root=folder)" in message and "NPTORCH_DATA" in message
    pytest.raises(ConnectionError, mnist).match(reason)
    assert files_below(tmp_path) == []

    monkeypatch.setattr(data, "MIRRORS", [bad, f"{server.url}right/"])
    check(mnist())
    assert files_below(tmp_path) == WHOLE


def test_mirror_that_fails_once_is_asked_again(server, monkeypatch):
    monkeypatch.setattr(data, "MIRRORS", [f"{server.url}once/"])
    check(mnist())
    assert len(server.asked) == 5


def test_offline_says_what_to_do(small, tmp_path, monkeypatch):
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}/"
    monkeypatch.setattr(data, "MIRRORS", [url, url])
    with pytest.raises(ConnectionError, match="Check the network and try again, or get the four"):
        mnist(tmp_path / "root")
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError])
def test_interrupted_download_leaves_nothing(server, tmp_path, monkeypatch, interruption):
    monkeypatch.setattr(data, "MIRRORS", [f"{server.url}right/"])
    real, seen = data._verified, []

    def interrupted(content, name):
        seen.extend(files_below(tmp_path))
        raise interruption

    monkeypatch.setattr(data, "_verified", interrupted)
    pytest.raises(interruption, mnist)
    assert len(seen) == 1 and seen[0].endswith(".partial")
    assert files_below(tmp_path) == []
    monkeypatch.setattr(data, "_verified", real)
    check(mnist())


def test_full_disk_leaves_nothing(server, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data, "MIRRORS", [f"{server.url}right/"])
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="can't store MNIST here .No space left.*mnist.root=folder"):
        mnist()
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_unwritable_folder_is_told_before_anything_is_fetched(
    server, tmp_path, monkeypatch, place
):
    monkeypatch.setattr(data, "MIRRORS", [f"{server.url}right/"])
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="can't store MNIST here .*: name a folder that you may"):
        mnist(tmp_path / place)
    assert server.asked == [] and files_below(tmp_path) == ["file"]


def test_progress_is_shown_on_a_terminal_with_tqdm(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "MIRRORS", [f"{server.url}right/"])
    pytest.importorskip("tqdm")
    check(mnist(tmp_path / "pipe"))
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    mnist(tmp_path / "one")
    out, err = capsys.readouterr()
    assert out == "" and "100%" in err and f"{NAME}.gz" in err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    check(mnist(tmp_path / "two"))
    assert capsys.readouterr() == ("", "")


def test_download_without_an_error_stream(server, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "MIRRORS", [f"{server.url}right/"])
    monkeypatch.setattr(sys, "stderr", None)
    check(mnist(tmp_path))


@pytest.mark.parametrize(
    ("platform", "variable", "default"),
    [("linux", "XDG_CACHE_HOME", ".cache"), ("win32", "LOCALAPPDATA", "AppData/Local"),
     ("darwin", None, "Library/Caches")],
)
def test_cache_is_the_users_own(monkeypatch, tmp_path, platform, variable, default):
    monkeypatch.setattr(sys, "platform", platform)
    for home in "HOME", "USERPROFILE":
        monkeypatch.setenv(home, str(tmp_path))
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "set"))
        assert data._cache() == os.path.join(str(tmp_path / "set"), "nptorch")
        monkeypatch.setenv(variable, "")
    assert os.path.normpath(data._cache()) == str(tmp_path / default / "nptorch")


# MNIST itself


@pytest.mark.skipif(not os.environ.get("NPTORCH_DATA"), reason="NPTORCH_DATA names no folder")
def test_mnist_itself_in_less_than_a_gigabyte():
    program = (
        "from nptorch.data import mnist\n"
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

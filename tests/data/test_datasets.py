"""The image data sets: the digits that come along, and files found on disk."""

import hashlib

import numpy as np
import pytest

from rushlight.data.datasets import (
    CIFAR10,
    CIFAR100,
    DIGITS_FILE,
    MNIST,
    Digits,
    FashionMNIST,
    IDXDataset,
    ImageDataset,
    held_out,
    load_digits_arrays,
)


def test_digits_are_the_published_ones():
    images, labels = load_digits_arrays()
    assert images.shape == (1797, 8, 8) and images.dtype == np.uint8 and images.max() == 16
    assert labels.shape == (1797,) and labels.dtype == np.uint8
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert images[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0] and labels[:10].tolist() == list(range(10))
    assert hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest() == DIGITS_SHA256


def test_digits_are_small_and_attributed():
    assert DIGITS_FILE.stat().st_size < 100_000
    notice = (DIGITS_FILE.parent / "ATTRIBUTION.txt").read_text()
    for word in ("CC BY 4.0", "Alpaydin", "Kaynak", "10.24432/C50P49"):
        assert word in notice


def test_held_out_is_a_quarter_of_every_class():
    _, labels = load_digits_arrays()
    mask = held_out(labels)
    assert (np.bincount(labels[mask]) == np.bincount(labels) // 4).all()
    assert held_out(np.array([5, 5, 7, 5, 5, 7])).tolist() == [False, False, False, False, True, False]


def test_digits_parts_are_disjoint_and_complete():
    train, test = Digits(train=True), Digits(train=False)
    assert len(train) + len(test) == 1797 and 0.24 < len(test) / 1797 < 0.26
    both = np.concatenate([train.data.numpy(), test.data.numpy()]).reshape(-1, 64)
    assert sorted(map(bytes, both)) == sorted(map(bytes, load_digits_arrays()[0].reshape(-1, 64)))


def test_item_is_a_scaled_image_and_an_int():
    image, label = Digits()[0]
    assert tuple(image.shape) == (1, 8, 8) and image.numpy().dtype == np.float32
    np.testing.assert_array_equal(image.numpy()[0], load_digits_arrays()[0][0] / np.float32(16))
    assert type(label) is int and label == 0


def test_transforms_are_applied():
    data = Digits(train=False, transform=lambda image: image.flatten(), target_transform=lambda y: y * 10)
    image, label = data[3]
    assert tuple(image.shape) == (64,) and label == int(data.targets[3]) * 10


def test_negative_and_wrong_indices():
    data = Digits()
    assert data[-1][1] == int(data.targets[-1])
    with pytest.raises(IndexError):
        data[len(data)]


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


FOUND = [(MNIST, ""), (MNIST, "MNIST/raw"), (FashionMNIST, "FashionMNIST/raw")]


@pytest.mark.parametrize("kind, folder", FOUND)
def test_mnist_is_found(tmp_path, kind, folder):
    images = np.arange(3 * 28 * 28).astype(np.uint8).reshape(3, 28, 28)
    for part, count in [("train", 3), ("t10k", 2)]:
        write_idx(tmp_path / folder / f"{part}-images-idx3-ubyte", images[:count])
        write_idx(tmp_path / folder / f"{part}-labels-idx1-ubyte", np.array([5, 0, 4], np.uint8)[:count])
    assert len(kind(tmp_path)) == 3 and len(kind(str(tmp_path), train=False)) == 2
    image, label = kind(tmp_path)[2]
    assert tuple(image.shape) == (1, 28, 28) and label == 4
    np.testing.assert_array_equal(image.numpy()[0], images[2] / np.float32(255))
    assert len(kind.classes) == 10


def test_absent_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte.gz is .* downloads nothing"):
        MNIST(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"data_batch_1.bin .* https://www.cs.toronto.edu"):
        CIFAR10(tmp_path)


def test_cifar10_joins_its_five_files(tmp_path):
    for number in range(1, 6):
        record = bytes([number]) + bytes([number * 10]) * 3072
        (tmp_path / f"data_batch_{number}.bin").write_bytes(record * 2)
    data = CIFAR10(tmp_path)
    assert len(data) == 10 and data.targets.tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    image, label = data[9]
    assert tuple(image.shape) == (3, 32, 32) and label == 5
    assert (image.numpy() == np.float32(50) / np.float32(255)).all()


def test_cifar100_gives_fine_labels(tmp_path):
    (tmp_path / "cifar-100-binary").mkdir()
    (tmp_path / "cifar-100-binary" / "test.bin").write_bytes(bytes([3, 77]) + bytes(3072))
    assert CIFAR100(tmp_path, train=False).targets.tolist() == [77]


def test_as_many_labels_as_images(tmp_path):
    write_idx(tmp_path / "images", np.zeros((3, 2, 2), np.uint8))
    write_idx(tmp_path / "labels", np.zeros(2, np.uint8))
    with pytest.raises(ValueError, match="IDXDataset: 3 images, but 2 labels"):
        IDXDataset(tmp_path / "images", tmp_path / "labels")


def test_a_dataset_of_ones_own_arrays():
    data = ImageDataset(np.full((2, 3, 4, 5), 51, np.uint8), np.array([1, 0]))
    assert tuple(data[0][0].shape) == (3, 4, 5)
    np.testing.assert_allclose(data[0][0].numpy(), 0.2, rtol=1e-7)


DIGITS_SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"

"""Image data sets: handwritten digits that come with Rushlight; MNIST, Fashion-MNIST and CIFAR from disk.

An item is `(image, label)`: a float32 tensor (channels, height, width) of 0..1, as torchvision gives it
through `ToTensor()`, and an int; `transform` and `target_transform` are applied to them. Nothing is ever
downloaded.
"""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..tensor import Tensor, from_numpy
from .dataset import Dataset
from .readers import read_cifar, read_cifar100, read_idx

Transform = Callable[[Any], Any] | None

DIGITS_FILE = Path(__file__).parent / "files" / "digits.npz"


def load_digits_arrays() -> tuple[np.ndarray, np.ndarray]:
    """The UCI optical handwritten digits: images (1797, 8, 8) of 0..16, labels (1797,) of 0..9, uint8.

    By E. Alpaydin and C. Kaynak, CC BY 4.0, https://doi.org/10.24432/C50P49.
    """
    with np.load(DIGITS_FILE) as file:
        return file["images"], file["labels"]


def held_out(labels: np.ndarray, every: int = 4) -> np.ndarray:
    """A mask that is True for each `every`-th item of each class, in the order of the data: the test part."""
    position = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        position[members] = np.arange(len(members))
    return position % every == every - 1


class ImageDataset(Dataset):
    """Images and labels held in memory.

    `data` is the uint8 tensor (N, H, W) or (N, C, H, W) of the images as stored, `targets` the int64 tensor
    (N,) of labels, and `white` the value in `data` that becomes 1.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        transform: Transform = None,
        target_transform: Transform = None,
        white: float = 255,
    ) -> None:
        if len(images) != len(labels):
            raise ValueError(f"{type(self).__name__}: {len(images)} images, but {len(labels)} labels")
        self.data: Tensor = from_numpy(images)
        self.targets: Tensor = from_numpy(labels.astype(np.int64))
        self.transform = transform
        self.target_transform = target_transform
        self.white = white

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image = self.data[index] / self.white
        image = image.unsqueeze(0) if image.dim() == 2 else image
        label = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label


class Digits(ImageDataset):
    """The UCI optical handwritten digits, (1, 8, 8); a quarter of each class is held out as the test part."""

    classes = [str(digit) for digit in range(10)]

    def __init__(
        self, train: bool = True, transform: Transform = None, target_transform: Transform = None
    ) -> None:
        images, labels = load_digits_arrays()
        part = held_out(labels) != train
        super().__init__(images[part], labels[part], transform, target_transform, white=16)


class IDXDataset(ImageDataset):
    """Images and labels from a pair of IDX files, plain or gzipped."""

    def __init__(
        self,
        images: str | PathLike[str],
        labels: str | PathLike[str],
        transform: Transform = None,
        target_transform: Transform = None,
    ) -> None:
        super().__init__(read_idx(images), read_idx(labels), transform, target_transform)


class MNIST(IDXDataset):
    """70,000 handwritten digits, (1, 28, 28), of LeCun, Cortes and Burges: 60,000 to train, 10,000 to test.

    Looks in `root` and in `root/MNIST/raw`, where torchvision puts them, for `train-images-idx3-ubyte` and
    its three companions, plain or with `.gz`. Raises FileNotFoundError, which says where to get them.
    """

    source = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    classes = Digits.classes

    def __init__(
        self,
        root: str | PathLike[str],
        train: bool = True,
        transform: Transform = None,
        target_transform: Transform = None,
    ) -> None:
        part = "train" if train else "t10k"
        names = [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]
        folder = f"{type(self).__name__}/raw"
        images, labels = (find(root, folder, [name, name + ".gz"], self.source) for name in names)
        super().__init__(images, labels, transform, target_transform)


class FashionMNIST(MNIST):
    """70,000 pictures of clothes, (1, 28, 28), of Xiao, Rasul and Vollgraf; files as for MNIST."""

    source = "https://github.com/zalandoresearch/fashion-mnist"
    classes = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]


CIFAR_SOURCE = "https://www.cs.toronto.edu/~kriz/cifar.html (the binary version, unpacked)"


class CIFAR10(ImageDataset):
    """60,000 photographs in 10 classes, (3, 32, 32), of Krizhevsky: 50,000 to train, 10,000 to test.

    Looks in `root` and in `root/cifar-10-batches-bin` for `data_batch_1.bin` ... `data_batch_5.bin` and
    `test_batch.bin`. Raises FileNotFoundError, which says where to get them.
    """

    classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]

    def __init__(
        self,
        root: str | PathLike[str],
        train: bool = True,
        transform: Transform = None,
        target_transform: Transform = None,
    ) -> None:
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] if train else ["test_batch.bin"]
        files = [read_cifar(find(root, "cifar-10-batches-bin", [name], CIFAR_SOURCE)) for name in names]
        images, labels = (np.concatenate(arrays) for arrays in zip(*files))
        super().__init__(images, labels, transform, target_transform)


class CIFAR100(ImageDataset):
    """60,000 photographs in 100 classes, (3, 32, 32), of Krizhevsky; the labels are the fine ones.

    Looks in `root` and in `root/cifar-100-binary` for `train.bin` and `test.bin`.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        train: bool = True,
        transform: Transform = None,
        target_transform: Transform = None,
    ) -> None:
        name = "train.bin" if train else "test.bin"
        images, fine, _ = read_cifar100(find(root, "cifar-100-binary", [name], CIFAR_SOURCE))
        super().__init__(images, fine, transform, target_transform)


def find(root: str | PathLike[str], folder: str, names: Sequence[str], source: str) -> Path:
    """The first of these file names that stands in `root` or in `root/folder`."""
    places = [Path(root), Path(root) / folder]
    for path in (place / name for place in places for name in names):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"{' or '.join(names)} is neither in {places[0]} nor in {places[1]}. "
        f"Rushlight downloads nothing by itself; get the file from {source}"
    )

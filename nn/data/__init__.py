from .digits import ImageData as ImageData
from .digits import load_digits8x8 as load_digits8x8
from .digits import load_idx_dataset as load_idx_dataset
from .digits import load_mnist5k as load_mnist5k
from .idx import read_idx as read_idx
from .loader import DataLoader as DataLoader
from .loader import Dataset as Dataset
from .loader import TensorDataset as TensorDataset
from .published import load_cifar10 as load_cifar10
from .published import load_fashion_mnist as load_fashion_mnist
from .published import load_mnist as load_mnist
from .transforms import Compose as Compose
from .transforms import Normalize as Normalize
from .transforms import RandomCrop as RandomCrop
from .transforms import RandomHorizontalFlip as RandomHorizontalFlip
from .transforms import RandomShift as RandomShift

__all__ = [
    "Compose",
    "DataLoader",
    "Dataset",
    "ImageData",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomShift",
    "TensorDataset",
    "load_cifar10",
    "load_digits8x8",
    "load_fashion_mnist",
    "load_idx_dataset",
    "load_mnist",
    "load_mnist5k",
    "read_idx",
]

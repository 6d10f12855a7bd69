"""Optimisers and learning-rate schedules. Called by training code."""

from ..lazy import lazy_names as _lazy_names
from . import lr_scheduler as lr_scheduler
from .adagrad import Adagrad as Adagrad
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .optimizer import Optimizer as Optimizer
from .rmsprop import RMSprop as RMSprop
from .sgd import SGD as SGD

__getattr__, _ = _lazy_names(__name__, {}, shown="torch.optim")

"""Learning-rate schedules. Each changes the rates in an optimizer's parameter groups when stepped."""

from .base import LRScheduler as LRScheduler
from .base import _LRScheduler as _LRScheduler
from .combined import ChainedScheduler as ChainedScheduler
from .combined import ReduceLROnPlateau as ReduceLROnPlateau
from .combined import SequentialLR as SequentialLR
from .cycles import CosineAnnealingLR as CosineAnnealingLR
from .cycles import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from .cycles import CyclicLR as CyclicLR
from .cycles import OneCycleLR as OneCycleLR
from .steps import ConstantLR as ConstantLR
from .steps import ExponentialLR as ExponentialLR
from .steps import LambdaLR as LambdaLR
from .steps import LinearLR as LinearLR
from .steps import MultiplicativeLR as MultiplicativeLR
from .steps import MultiStepLR as MultiStepLR
from .steps import PolynomialLR as PolynomialLR
from .steps import StepLR as StepLR

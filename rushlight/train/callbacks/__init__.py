"""What happens at certain moments of a training: see `Callback` for the moments."""

from .base import Callback as Callback
from .board_logger import BoardLogger as BoardLogger
from .checkpoints import Checkpoint as Checkpoint
from .csv_logger import CSVLogger as CSVLogger
from .early_stopping import EarlyStopping as EarlyStopping
from .lambda_callback import LambdaCallback as LambdaCallback
from .learning_rate import LearningRate as LearningRate
from .progress_bar import ProgressBar as ProgressBar

"""Numbers about outputs and targets: update(output, target) for each batch, compute() at the end."""

from .accuracy import Accuracy as Accuracy
from .base import Metric as Metric
from .confusion import F1 as F1
from .confusion import ConfusionMatrix as ConfusionMatrix
from .confusion import Precision as Precision
from .confusion import Recall as Recall
from .mean import Mean as Mean
from .mean import MeanOf as MeanOf
from .ranking import AUROC as AUROC
from .ranking import AveragePrecision as AveragePrecision
from .regression import R2 as R2
from .regression import CosineSimilarity as CosineSimilarity
from .regression import MeanAbsoluteError as MeanAbsoluteError
from .regression import MeanSquaredError as MeanSquaredError
from .regression import Perplexity as Perplexity

"""`torch.amp`: mixed precision. Regions in which listed ops cast their inputs, and gradients scaled against
underflow. What casts is autograd/autocast.py; the names of `torch` are in state.py.
"""

from .autocast_mode import autocast as autocast
from .custom import custom_bwd as custom_bwd
from .custom import custom_fwd as custom_fwd
from .grad_scaler import GradScaler as GradScaler
from .state import is_autocast_available as is_autocast_available

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

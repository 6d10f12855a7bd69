"""Tools for modules and their parameters: clipping, flattening, reparametrization, sequences."""

from ...lazy import lazy_names

_TOOLS = {
    "clip_grad": "clip_grad_norm clip_grad_norm_ clip_grads_with_norm_ clip_grad_value_ get_total_norm",
    "convert_parameters": "parameters_to_vector vector_to_parameters",
    "fusion": "fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights",
    "init": "skip_init",
    "memory_format": "convert_conv2d_weight_memory_format convert_conv3d_weight_memory_format",
    "spectral_normalization": "spectral_norm remove_spectral_norm",
    "weight_normalization": "weight_norm remove_weight_norm",
}
_MODULES = "rnn clip_grad convert_parameters fusion parametrize parametrizations stateless prune"
_HOMES = {
    **{name: f".{name}" for name in _MODULES.split()},
    **{name: f".{home}:{name}" for home, names in _TOOLS.items() for name in names.split()},
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, shown="torch.nn.utils")

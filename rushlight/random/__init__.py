"""torch.random: generators, their states, and tensors of random numbers, torch's own on the CPU."""

from .generators import Generator as Generator
from .generators import default_generator as default_generator
from .generators import fork_rng as fork_rng
from .generators import get_rng_state as get_rng_state
from .generators import initial_seed as initial_seed
from .generators import manual_seed as manual_seed
from .generators import seed as seed
from .generators import set_rng_state as set_rng_state
from .sampling import bernoulli as bernoulli
from .sampling import multinomial as multinomial
from .sampling import normal as normal
from .sampling import poisson as poisson
from .tensors import rand as rand
from .tensors import rand_like as rand_like
from .tensors import randint as randint
from .tensors import randint_like as randint_like
from .tensors import randn as randn
from .tensors import randn_like as randn_like
from .tensors import randperm as randperm

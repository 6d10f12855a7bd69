"""The tape: modes, nodes, the engine, and what users call: backward, grad, Function, gradcheck, functional."""

"""Whether two contestants computed the same: the loss, and every gradient by its relative l2 error."""
import json
import struct

import numpy as np

# Float32, and thousands of ReLUs and max-pools: an input within rounding of a kink may fall on either side of it.
LOSS_TOLERANCE = 1e-4
GRADIENT_TOLERANCE = 5e-3
# Five steps through many kinks magnify it. Against f64, where PyTorch and JAX agree to 4e-14: mini, JAX 1.4e-2, PyTorch and ours
# 3e-3; conv_5step, PyTorch's vmap 1.9e-2, JAX 1.3e-3, ours 7e-4.
LOOSER = {"mini": 3e-2, "conv_5step": 3e-2}


def read_ours(path):
    """The file of `speed --gradients` (safetensors): loss, gradients by name, times in milliseconds."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__")
    gradients = {}
    for name, entry in header.items():
        if name.startswith("theta."):
            start, end = entry["data_offsets"]
            values = np.frombuffer(data[start:end], np.float32)
            gradients[name.removeprefix("theta.")] = values.reshape(entry["shape"])
    return float(metadata["loss"]), gradients, [float(t) for t in metadata["times_ms"].split()]


def read_theirs(path):
    with np.load(path) as file:
        arrays = dict(file)
    return float(arrays.pop("loss")), arrays


def compare(ours, theirs):
    """Relative error of the loss, and the worst gradient with its error.

    Biases of convolutions are left out: batch norm on batch statistics cancels them, so that their gradient is zero, for others
    up to rounding.
    """
    (our_loss, our_gradients), (their_loss, their_gradients) = ours, theirs
    if our_gradients.keys() != their_gradients.keys():
        raise ValueError(f"other parameters: {our_gradients.keys() ^ their_gradients.keys()}")
    errors = {}
    for name, expected in their_gradients.items():
        if not name.endswith("conv.bias"):
            difference = our_gradients[name].astype(np.float64) - expected
            errors[name] = np.linalg.norm(difference) / np.linalg.norm(expected)
    worst = max(errors, key=errors.get)
    return abs(our_loss - their_loss) / abs(their_loss), worst, float(errors[worst])


def agrees(size, errors):
    loss, _, gradient = errors
    return loss <= LOSS_TOLERANCE and gradient <= LOOSER.get(size, GRADIENT_TOLERANCE)

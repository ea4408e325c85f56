"""Weights and data without files: the same float32 bits as benches/workloads/numbers.rs makes.

Value i of the tensor `name` is mix(fnv1a(name) ^ mix(i)) in 32-bit arithmetic; its upper 24 bits, exact in float32, are spread
over -1..1. `mix` is a hash of C. Wellons, "lowbias32".
"""
import math

import numpy as np

CHUNK = 1 << 16


def _fnv1a(name):
    state = 0x811C9DC5
    for byte in name.encode():
        state = (state ^ byte) * 0x01000193 & 0xFFFFFFFF
    return np.uint32(state)


def _mix(x):
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def uniform(name, shape):
    """The tensor `name`, uniform in -1..1."""
    key, values = _fnv1a(name), np.empty(math.prod(shape), np.float32)
    for start in range(0, values.size, CHUNK):  # in parts, so that making data never is the peak of memory
        part = values[start : start + CHUNK]
        places = np.arange(start, start + part.size, dtype=np.uint32)
        part[:] = _mix(key ^ _mix(places)) >> np.uint32(8)
    values -= np.float32(2**23)
    values /= np.float32(2**23)
    return values.reshape(shape)


def parameter(name, shape):
    """A weight or a term of a layer: weights uniform within 1 / sqrt(inputs), scales about 1, the others about 0."""
    kind = name.rsplit(".", 1)[-1]
    reach = 1 / math.sqrt(math.prod(shape[:-1])) if kind == "weight" else 0.1
    center = 1 if kind == "scale" else 0
    return uniform(name, shape) * np.float32(reach) + np.float32(center)

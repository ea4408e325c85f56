"""JAX: `python with_jax.py CONTESTANT WORKLOAD`. Everything is one jitted function of weights and data."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from contest import NotApplicable, main
from workloads import EPS, Mann, Proto, Sine


def conv_xla(x, w, stride):
    """XLA's convolution."""
    layouts = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, w, (stride, stride), [(1, 1), (1, 1)], dimension_numbers=layouts)


def conv_matmul(x, w, stride):
    """The nine shifted images side by side, times the weights as a matrix."""
    padded = jnp.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    height, width = x.shape[1], x.shape[2]
    shifted = [padded[:, i : i + height : stride, j : j + width : stride] for i in range(3) for j in range(3)]
    return jnp.concatenate(shifted, axis=-1) @ w.reshape(-1, w.shape[-1])


def batch_norm(x, scale, shift):
    mean = x.mean((0, 1, 2))
    variance = jnp.square(x - mean).mean((0, 1, 2))
    return (x - mean) * lax.rsqrt(variance + EPS) * scale + shift


def max_pool(x):
    n, height, width, channels = x.shape
    even = x[:, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))


def linear(weights, layer, x):
    return x @ weights[f"{layer}.weight"] + weights[f"{layer}.bias"]


def encoder(workload, conv, weights, x):
    for i in range(1, 5):
        block = lambda name: weights[f"block{i}.{name}"]
        x = conv(x, block("conv.weight"), 1 if workload.pooled else 2) + block("conv.bias")
        x = jax.nn.relu(batch_norm(x, block("norm.scale"), block("norm.shift")))
        x = max_pool(x) if workload.pooled else x
    return x.reshape(x.shape[0], -1)


def cross_entropy(logits, classes):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), classes[:, None], axis=1).mean()


def task_loss(workload, conv, weights, x, y):
    if isinstance(workload, Sine):
        hidden = jax.nn.relu(linear(weights, "layer2", jax.nn.relu(linear(weights, "layer1", x))))
        return jnp.square(linear(weights, "head", hidden) - y).mean()
    return cross_entropy(linear(weights, "head", encoder(workload, conv, weights, x)), y)


def query_loss(workload, conv, theta, support_x, support_y, query_x, query_y):
    loss = functools.partial(task_loss, workload, conv)
    fast = theta
    for _ in range(workload.steps):
        gradients = jax.grad(loss)(fast, support_x, support_y)
        if not workload.second_order:
            gradients = lax.stop_gradient(gradients)
        fast = jax.tree.map(lambda w, g: w - workload.inner_lr * g, fast, gradients)
    return loss(fast, query_x, query_y)


def proto_loss(workload, conv, weights, x, y):
    z = encoder(workload, conv, weights, x)
    support = workload.ways * workload.shots
    prototypes = z[:support].reshape(workload.ways, workload.shots, -1).mean(1)
    query = z[support:]
    distances = jnp.square(query).sum(1, keepdims=True) + jnp.square(prototypes).sum(1) - 2 * query @ prototypes.T
    return cross_entropy(-distances, y)


def of_episodes(workload):
    if isinstance(workload, Mann):
        raise NotApplicable("sequences are compared with PyTorch alone")


def stepping(workload, meta_gradient):
    """Pair of step and read for a function of weights and data that gives loss and gradients."""
    weights = jax.tree.map(jnp.asarray, workload.parameters())
    data = [jnp.asarray(x) for x in workload.data()]
    compiled = jax.jit(meta_gradient)
    step = lambda: jax.block_until_ready(compiled(weights, *data))
    return step, lambda result: (float(result[0]), jax.tree.map(np.asarray, result[1]))


def batched(workload, conv):
    """vmap over the tasks, and the gradient of the mean."""
    of_episodes(workload)
    if isinstance(workload, Proto):
        return stepping(workload, jax.value_and_grad(functools.partial(proto_loss, workload, conv)))
    each = jax.vmap(functools.partial(query_loss, workload, conv), in_axes=(None, 0, 0, 0, 0))
    return stepping(workload, jax.value_and_grad(lambda theta, *data: each(theta, *data).mean()))


def mapped(workload, conv):
    """The gradient of each task, one after another within the compiled function: less memory."""
    of_episodes(workload)
    if isinstance(workload, Proto):
        raise NotApplicable("one task, nothing to map over")
    one = jax.value_and_grad(functools.partial(query_loss, workload, conv))

    def meta_gradient(theta, *data):
        each = lax.map(lambda task: one(theta, *task), tuple(data))
        return jax.tree.map(lambda x: x.mean(0), each)

    return stepping(workload, meta_gradient)


if __name__ == "__main__":
    contestants = {
        "vmap": functools.partial(batched, conv=conv_xla),
        "vmap-matmul": functools.partial(batched, conv=conv_matmul),
        "map-matmul": functools.partial(mapped, conv=conv_matmul),
    }
    main(contestants)

"""What is compared: sizes, weights and data, in our names and layouts (images [n, h, w, c], convolutions [h, w, in, out],
linear layers [in, out]). The Rust side is benches/workloads/mod.rs."""
from dataclasses import dataclass

import numpy as np

from hashed import parameter, uniform

EPS = 1e-5  # of every batch norm


@dataclass(frozen=True)
class Sine:
    """MAML on curves (Finn et al. 2017, section 5.1): network 1-40-40-1, ReLU, squared error."""

    steps: int
    tasks: int = 25
    points: int = 10
    inner_lr: float = 0.01
    second_order: bool = True
    repetitions: int = 200

    def parameters(self):
        sizes = [1, 40, 40, 1]
        shapes = {}
        for layer, inputs, outputs in zip(["layer1", "layer2", "head"], sizes, sizes[1:]):
            shapes[f"{layer}.weight"] = [inputs, outputs]
            shapes[f"{layer}.bias"] = [outputs]
        return filled(shapes)

    def data(self):
        """Support x and y, query x and y, each [tasks, points, 1]."""
        names = ["support.x", "support.y", "query.x", "query.y"]
        return [np.float32(5) * uniform(name, [self.tasks, self.points, 1]) for name in names]


@dataclass(frozen=True)
class Conv:
    """MAML with one shot a class on images: four blocks of convolution (padding 1), batch norm on batch statistics and ReLU,
    with stride 2 or 2x2 max-pooling, then a linear layer; everything is adapted."""

    tasks: int = 32
    ways: int = 5
    queries: int = 15  # a class
    steps: int = 1
    inner_lr: float = 0.4
    second_order: bool = True
    size: int = 28
    channels: int = 1
    filters: int = 64
    features: int = 256
    pooled: bool = False
    repetitions: int = 10

    def parameters(self):
        head = {"head.weight": [self.features, self.ways], "head.bias": [self.ways]}
        return filled(blocks(self.channels, self.filters) | head)

    def data(self):
        """Support x and y, query x and y: images [tasks, n, h, w, c], classes [tasks, n]."""
        return images(self, "support", 1) + images(self, "query", self.queries)


@dataclass(frozen=True)
class Proto:
    """One episode of prototypical networks (Snell et al. 2017): four blocks with max-pooling, squared distances."""

    ways: int = 60
    shots: int = 5
    queries: int = 5
    tasks: int = 1
    size: int = 28
    channels: int = 1
    filters: int = 64
    pooled: bool = True
    repetitions: int = 6

    def parameters(self):
        return filled(blocks(self.channels, self.filters))

    def data(self):
        """Support images and query images as one batch, and the classes of the query."""
        (support, _), (query, y) = images(self, "support", self.shots), images(self, "query", self.queries)
        return [np.concatenate([support[0], query[0]]), y[0]]


@dataclass(frozen=True)
class Mann:
    """One update of a memory-augmented network (Santoro et al. 2016): sequences of drawings of 20x20, labels one step late."""

    sequences: int = 16
    length: int = 50
    classes: int = 5
    inputs: int = 400
    controller: int = 200
    slots: int = 128
    width: int = 40
    heads: int = 4
    decay: float = 0.99
    tasks: int = 2  # on our side: 8 sequences side by side each
    repetitions: int = 10

    def parameters(self):
        gates, read = 4 * self.controller, self.heads * self.width
        told = self.heads * (2 * self.width + 1)
        shapes = {
            "cell.w_x": [self.inputs + self.classes, gates],
            "cell.w_state": [self.controller + read, gates],
            "cell.b": [gates],
            "cell.w_heads": [self.controller, told],
            "cell.b_heads": [told],
            "output.weight": [self.controller + read, self.classes],
            "output.bias": [self.classes],
        }
        return filled(shapes)

    def data(self):
        """Drawings [length, sequences, inputs] and classes [length, sequences]."""
        each = self.sequences // self.tasks
        turned = lambda x: np.moveaxis(x, 0, 1).reshape(self.length, self.sequences, *x.shape[3:])
        x = uniform("query.x", [self.tasks, self.length, each, self.inputs])
        drawn = uniform("classes", [self.tasks, self.length, each])
        y = np.floor((drawn + np.float32(1)) * np.float32(0.5 * self.classes)).astype(np.int64)
        return [turned(x), turned(y)]


def blocks(channels, filters):
    shapes = {}
    for i in range(1, 5):
        shapes[f"block{i}.conv.weight"] = [3, 3, channels, filters]
        for term in ["conv.bias", "norm.scale", "norm.shift"]:
            shapes[f"block{i}.{term}"] = [filters]
        channels = filters
    return shapes


def filled(shapes):
    return {name: parameter(name, shape) for name, shape in shapes.items()}


def images(workload, which, per_class):
    """Noise, in colour half as much beside a pattern of the class, and the classes."""
    image = [workload.size, workload.size, workload.channels]
    x = uniform(f"{which}.x", [workload.tasks, workload.ways, per_class, *image])
    if workload.channels > 1:
        x *= np.float32(0.5)
        x += uniform("patterns", [workload.tasks, workload.ways, 1, *image])
    x = x.reshape(workload.tasks, -1, *image)
    y = np.tile(np.repeat(np.arange(workload.ways), per_class), (workload.tasks, 1))
    return [x, y]


WORKLOADS = {
    "sine1": Sine(steps=1),
    "sine5": Sine(steps=5),
    "conv_paper": Conv(queries=1, repetitions=20),
    "conv_1step": Conv(),
    "conv_5step": Conv(steps=5),
    "conv_fo": Conv(second_order=False),
    "conv_20way": Conv(tasks=16, ways=20, queries=1, steps=5, inner_lr=0.1),
    "proto": Proto(),
    "mini": Conv(
        tasks=4, steps=5, inner_lr=0.01, size=84, channels=3, filters=32, features=800, pooled=True, repetitions=4
    ),
    "mann": Mann(),
}

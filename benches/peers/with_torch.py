"""PyTorch, and the meta-learning libraries on top of it: `python with_torch.py CONTESTANT WORKLOAD`."""
import os
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, grad_and_value, vmap

from contest import NotApplicable, main
from mann_torch import mann
from workloads import EPS, Mann, Proto, Sine


class BatchNorm(nn.Module):
    """On the statistics of the batch at hand, always."""

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.empty(channels))
        self.shift = nn.Parameter(torch.empty(channels))

    def forward(self, x):
        return F.batch_norm(x, None, None, self.scale, self.shift, training=True, eps=EPS)


def network(workload):
    if isinstance(workload, Sine):
        first, second, last = nn.Linear(1, 40), nn.Linear(40, 40), nn.Linear(40, 1)
        parts = [("layer1", first), ("relu1", nn.ReLU()), ("layer2", second), ("relu2", nn.ReLU()), ("head", last)]
        return nn.Sequential(OrderedDict(parts))
    parts, channels = [], workload.channels
    for i in range(1, 5):
        conv = nn.Conv2d(channels, workload.filters, 3, stride=1 if workload.pooled else 2, padding=1)
        block = [("conv", conv), ("norm", BatchNorm(workload.filters)), ("relu", nn.ReLU())]
        block += [("pool", nn.MaxPool2d(2))] if workload.pooled else []
        parts.append((f"block{i}", nn.Sequential(OrderedDict(block))))
        channels = workload.filters
    parts.append(("flatten", nn.Flatten()))
    if not isinstance(workload, Proto):
        parts.append(("head", nn.Linear(workload.features, workload.ways)))
    return nn.Sequential(OrderedDict(parts))


def to_torch(name, array, filters):
    """A weight of ours in PyTorch's layout; the features of a head after images are ours (h, w, c), theirs (c, h, w)."""
    x = torch.tensor(array)
    if x.ndim == 4:
        x = x.permute(3, 2, 0, 1)
    elif x.ndim == 2:
        if name == "head.weight" and filters:
            x = x.reshape(-1, filters, x.shape[1]).transpose(0, 1).reshape(x.shape)
        x = x.T
    return x.contiguous()


def from_torch(name, x, filters):
    """The inverse of `to_torch`."""
    if x.ndim == 4:
        x = x.permute(2, 3, 1, 0)
    elif x.ndim == 2:
        x = x.T
        if name == "head.weight" and filters:
            x = x.reshape(filters, -1, x.shape[1]).transpose(0, 1).reshape(x.shape)
    return x.detach().numpy()


class Setting:
    """A workload's network at its weights, and its data."""

    def __init__(self, workload):
        self.filters = getattr(workload, "filters", None)
        self.network = network(workload)
        self.loss = F.mse_loss if isinstance(workload, Sine) else F.cross_entropy
        weights = {name: to_torch(name, x, self.filters) for name, x in workload.parameters().items()}
        self.network.load_state_dict(weights)
        self.data = [self.tensor(x) for x in workload.data()]

    def tensor(self, array):
        x = torch.tensor(array)
        return x.movedim(-1, -3).contiguous() if x.ndim >= 4 else x

    def read(self, loss, gradients=None):
        """For `step`s that leave gradients in the network, or give them by name."""
        gradients = gradients or {name: p.grad for name, p in self.network.named_parameters()}
        return float(loss), {name: from_torch(name, g, self.filters) for name, g in gradients.items()}


def over_tasks(setting, workload, query_loss):
    """A step that goes through the tasks one by one; `query_loss` says how a task's loss comes about."""

    def step():
        setting.network.zero_grad(set_to_none=True)
        total = 0.0
        for task in zip(*setting.data):
            loss = query_loss(*task) / workload.tasks
            loss.backward()
            total += loss.detach()
        return total

    return step, setting.read


def loop(workload):
    """What MAML code usually is: functional_call and autograd.grad(create_graph), a task at a time."""
    if isinstance(workload, Mann):
        return mann(workload)
    if isinstance(workload, Proto):
        return proto(workload)
    setting = Setting(workload)
    network, loss = setting.network, setting.loss
    theta = dict(network.named_parameters())

    def query_loss(support_x, support_y, query_x, query_y):
        fast = theta
        for _ in range(workload.steps):
            value = loss(functional_call(network, fast, support_x), support_y)
            gradients = torch.autograd.grad(value, fast.values(), create_graph=workload.second_order)
            fast = {name: w - workload.inner_lr * g for (name, w), g in zip(fast.items(), gradients)}
        return loss(functional_call(network, fast, query_x), query_y)

    return over_tasks(setting, workload, query_loss)


def proto(workload):
    setting = Setting(workload)
    x, y = setting.data
    support = workload.ways * workload.shots

    def step():
        setting.network.zero_grad(set_to_none=True)
        z = setting.network(x)
        prototypes = z[:support].reshape(workload.ways, workload.shots, -1).mean(1)
        query = z[support:]
        distances = (query**2).sum(1, keepdim=True) + (prototypes**2).sum(1) - 2 * query @ prototypes.T
        loss = F.cross_entropy(-distances, y)
        loss.backward()
        return loss

    return step, setting.read


def batched(workload):
    """torch.func: vmap over the tasks, grad within."""
    if isinstance(workload, Proto):
        raise NotApplicable("one task, nothing to batch")
    if isinstance(workload, Mann):
        raise NotApplicable("its sequences are a batch already")
    setting = Setting(workload)
    network, loss = setting.network, setting.loss
    theta = {name: p.detach() for name, p in network.named_parameters()}

    def query_loss(theta, support_x, support_y, query_x, query_y):
        fast = theta
        for _ in range(workload.steps):
            gradients = grad(lambda w: loss(functional_call(network, w, support_x), support_y))(fast)
            if not workload.second_order:
                gradients = {name: g.detach() for name, g in gradients.items()}
            fast = {name: w - workload.inner_lr * gradients[name] for name, w in fast.items()}
        return loss(functional_call(network, fast, query_x), query_y)

    mean = lambda theta: vmap(query_loss, (None, 0, 0, 0, 0))(theta, *setting.data).mean()
    value = grad_and_value(mean)
    return lambda: value(theta), lambda result: setting.read(result[1], result[0])


def with_higher(workload):
    """The library `higher`."""
    import higher

    if isinstance(workload, (Proto, Mann)):
        raise NotApplicable("there is no inner loop")
    if not workload.second_order:
        raise NotApplicable("its first-order mode cuts the initial weights off")
    setting = Setting(workload)
    network, loss = setting.network, setting.loss
    sgd = torch.optim.SGD(network.parameters(), lr=workload.inner_lr)

    def query_loss(support_x, support_y, query_x, query_y):
        with higher.innerloop_ctx(network, sgd, copy_initial_weights=False) as (fast, inner):
            for _ in range(workload.steps):
                inner.step(loss(fast(support_x), support_y))
            return loss(fast(query_x), query_y)

    return over_tasks(setting, workload, query_loss)


def with_learn2learn(workload):
    """The library `learn2learn`."""
    import learn2learn

    if isinstance(workload, (Proto, Mann)):
        raise NotApplicable("there is no inner loop")
    setting = Setting(workload)
    loss = setting.loss
    maml = learn2learn.algorithms.MAML(setting.network, workload.inner_lr, first_order=not workload.second_order)

    def query_loss(support_x, support_y, query_x, query_y):
        fast = maml.clone()
        for _ in range(workload.steps):
            fast.adapt(loss(fast(support_x), support_y))
        return loss(fast(query_x), query_y)

    return over_tasks(setting, workload, query_loss)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ["THREADS"]))
    contestants = {"loop": loop, "vmap": batched, "higher": with_higher, "learn2learn": with_learn2learn}
    main(contestants)

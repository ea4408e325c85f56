"""A memory-augmented network (Santoro et al. 2016) in PyTorch, as its public implementations write it: one step after another, a batch
of sequences at a time. Each head writes a vector of its own to a least used slot of its own."""
import torch
import torch.nn.functional as F


def mann(workload):
    theta = {name: torch.tensor(x, requires_grad=True) for name, x in workload.parameters().items()}
    x, y = [torch.tensor(array) for array in workload.data()]
    labels = F.one_hot(y, workload.classes).float()
    before = torch.cat([torch.zeros_like(labels[:1]), labels[:-1]])
    inputs = torch.cat([x, before], 2)

    def step():
        for weight in theta.values():
            weight.grad = None
        outputs, state = [], start(workload)
        for t in range(workload.length):
            output, state = cell(workload, theta, inputs[t], state)
            outputs.append(output)
        logits = torch.stack(outputs) @ theta["output.weight"] + theta["output.bias"]
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        loss.backward()
        return loss

    return step, lambda loss: (float(loss), {name: w.grad.numpy() for name, w in theta.items()})


def start(w):
    n = w.sequences
    first = F.one_hot(torch.zeros(1, dtype=torch.long), w.slots).float()
    zeros = torch.zeros(n, w.controller)
    return (
        zeros,
        zeros,
        torch.zeros(n, w.heads * w.width),
        torch.full((n, w.slots, w.width), 1e-6),
        first.expand(n, w.heads, w.slots),
        first.expand(n, w.slots),
    )


def cell(w, theta, x, state):
    hidden, cell, read, memory, read_weights, usage = state
    before = torch.cat([hidden, read], 1)
    gates = x @ theta["cell.w_x"] + before @ theta["cell.w_state"] + theta["cell.b"]
    i, f, g, o = gates.chunk(4, 1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    hidden = o.sigmoid() * cell.tanh()
    told = hidden @ theta["cell.w_heads"] + theta["cell.b_heads"]
    vectors = told[:, : -w.heads].tanh().reshape(-1, 2 * w.heads, w.width)
    keys, written = vectors.split(w.heads, 1)
    gate = told[:, -w.heads :].sigmoid().unsqueeze(2)
    with torch.no_grad():
        least = F.one_hot(usage.argsort(stable=True, dim=1)[:, : w.heads], w.slots).float()
    write_weights = gate * read_weights + (1 - gate) * least
    memory = memory * (1 - least[:, 0]).unsqueeze(2) + write_weights.transpose(1, 2) @ written
    norms = keys.norm(dim=2, keepdim=True) * memory.norm(dim=2).unsqueeze(1)
    read_weights = (keys @ memory.transpose(1, 2) / norms).softmax(2)
    read = (read_weights @ memory).flatten(1)
    with torch.no_grad():
        usage = w.decay * usage + (read_weights + write_weights).sum(1)
    return torch.cat([hidden, read], 1), (hidden, cell, read, memory, read_weights, usage)

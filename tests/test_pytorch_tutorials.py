"""What somebody who learnt from PyTorch's basic tutorials types first runs after changing the import.

The programs below are written for this test; they make the calls that the tutorials on tensors, autograd, modules,
optimisation, "learning by examples", "what is torch.nn" and saving make, in their order. Each calls what it tests
`torch`. `CALLS` lists the single calls of these tutorials; those that are written in another way here are in ELSEWHERE.
"""

import math

import numpy as np
import pytest

import tensorgrad as torch
from tensorgrad import nn
from tensorgrad.nn import functional as F

# Tensors


def test_making_tensors():
    rows = [[1, 2], [3, 4]]
    from_rows = torch.tensor(rows)
    assert from_rows.dtype == torch.int64
    array = np.array(rows)
    shared = torch.from_numpy(array)
    np.add(array, 1, out=array)
    assert shared.tolist() == [[2, 3], [4, 5]]
    assert torch.ones_like(from_rows).tolist() == [[1, 1], [1, 1]]
    shape = (2, 3)
    for make in (torch.rand, torch.ones, torch.zeros):
        assert make(shape).shape == (2, 3)
        assert make(shape).dtype == torch.float32


def test_indexing_joining_and_arithmetic():
    t = torch.ones(4, 4)
    assert t[0].tolist() == t[:, 0].tolist() == t[..., -1].tolist() == [1.0] * 4
    t[:, 1] = 0
    joined = torch.cat([t, t, t], dim=1)
    assert joined.shape == (4, 12)
    for product in (t @ t.T, t.matmul(t.T), torch.matmul(t, t.T)):
        assert product.tolist() == [[3.0] * 4] * 4
    for product in (t * t, t.mul(t), torch.mul(t, t)):
        assert product.tolist() == t.tolist()
    total = t.sum()
    assert total.item() == 12.0
    assert isinstance(total.item(), float)
    t.add_(5)
    assert t[0].tolist() == [6.0, 5.0, 6.0, 6.0]
    n = t.numpy()
    t.add_(1)
    assert n[0, 0] == 7.0


def test_attributes_copies_and_calls_in_place():
    tensor = torch.rand(3, 4)
    assert (tensor.shape, tensor.dtype, str(tensor.device)) == ((3, 4), torch.float32, "cpu")
    x_data = torch.tensor([[1, 2], [3, 4]])
    assert torch.rand_like(x_data, dtype=torch.float).dtype == torch.float
    assert torch.empty(2, 3).shape == (2, 3)
    assert torch.full_like(x_data, 7).tolist() == [[7, 7], [7, 7]]
    assert torch.is_tensor(x_data)
    assert torch.numel(x_data) == x_data.numel() == 4
    assert x_data.type(torch.float).dtype == x_data.float().dtype == torch.float32
    assert x_data.float().int().dtype == torch.int32
    a = torch.ones(2, 3)
    b = a.clone()
    b[0, 1] = 561
    assert a[0, 1].item() == 1
    assert b.t_().shape == (3, 2)
    assert b.copy_(torch.zeros(3, 2)).sum().item() == 0
    assert b.zero_().add_(1).mul_(3).tolist() == [[3.0, 3.0]] * 3
    c = torch.zeros(3, 2).uniform_(-1, 1)
    assert c.abs().max().item() <= 1
    assert torch.equal(c, c.to("cpu"))
    for stacked in (torch.stack([a, a]), torch.cat([a[None], a[None]])):
        assert stacked.shape == (2, 2, 3)
    assert torch.squeeze(torch.unsqueeze(a, 0), 0).shape == a.shape
    assert torch.min(c).item() <= c.mean().item() <= torch.max(c).item()
    values, places = torch.max(c, dim=1)
    assert torch.equal(values, c.gather(1, places.unsqueeze(1)).squeeze(1))


# Autograd


def test_one_layer_by_hand():
    torch.manual_seed(0)
    x, y = torch.ones(5), torch.zeros(3)
    w = torch.randn(5, 3, requires_grad=True)
    b = torch.randn(3, requires_grad=True)
    z = torch.matmul(x, w) + b
    assert z.requires_grad
    assert z.grad_fn is not None
    loss = ((z.sigmoid() - y) ** 2).mean()
    loss.backward()
    assert w.grad.shape == (5, 3)
    assert b.grad.shape == (3,)
    with torch.no_grad():
        z = torch.matmul(x, w) + b
    assert not z.requires_grad
    assert not (torch.matmul(x, w) + b).detach().requires_grad


def test_gradients_of_vectors_add_up_until_they_are_zeroed():
    inp = torch.eye(4, 5, requires_grad=True)
    out = (inp + 1).pow(2).t()
    out.backward(torch.ones_like(out), retain_graph=True)
    first = inp.grad.tolist()
    assert first[0][:2] == [4.0, 2.0]
    out.backward(torch.ones_like(out), retain_graph=True)
    assert inp.grad[0, 0].item() == 8.0
    inp.grad.zero_()
    out.backward(torch.ones_like(out), retain_graph=True)
    assert inp.grad.tolist() == first


def test_the_gradient_argument():
    a = torch.tensor([2.0, 3.0], requires_grad=True)
    b = torch.tensor([6.0, 4.0], requires_grad=True)
    q = 3 * a**3 - b**2
    q.backward(gradient=torch.tensor([1.0, 1.0]))
    assert (9 * a**2 == a.grad).tolist() == [True, True]
    assert (-2 * b == b.grad).tolist() == [True, True]


def test_frozen_parameters():
    x, y, z = torch.rand(5, 5), torch.rand(5, 5), torch.rand((5, 5), requires_grad=True)
    assert not (x + y).requires_grad
    assert (x + z).requires_grad


# A cubic polynomial, fitted to the sine by every means in turn

X = np.linspace(-math.pi, math.pi, 200)


def fits(coefficients):
    a, b, c, d = coefficients
    error = np.abs(a + b * X + c * X**2 + d * X**3 - np.sin(X)).max()
    return error < 0.35


def data():
    x = torch.linspace(-math.pi, math.pi, 200)
    return x, torch.from_numpy(np.sin(x.numpy()))


def test_a_polynomial_with_gradients_by_hand():
    torch.manual_seed(1)
    x, y = data()
    a, b, c, d = (torch.randn(()) for _ in range(4))
    rate = 1e-5
    for _ in range(2000):
        predicted = a + b * x + c * x**2 + d * x**3
        slope = 2.0 * (predicted - y)
        a -= rate * slope.sum()
        b -= rate * (slope * x).sum()
        c -= rate * (slope * x**2).sum()
        d -= rate * (slope * x**3).sum()
    assert fits([v.item() for v in (a, b, c, d)])


def test_a_polynomial_with_autograd():
    torch.manual_seed(1)
    x, y = data()
    a, b, c, d = (torch.randn((), dtype=torch.float32, requires_grad=True) for _ in range(4))
    losses = []
    for _ in range(2000):
        predicted = a + b * x + c * x**2 + d * x**3
        loss = (predicted - y).pow(2).sum()
        losses.append(loss.item())
        loss.backward()
        with torch.no_grad():
            for p in (a, b, c, d):
                p -= 1e-5 * p.grad
            a.grad = None
            b.grad = None
            c.grad.zero_()
            d.grad.zero_()
    assert losses[-1] < losses[0] / 10
    assert fits([v.item() for v in (a, b, c, d)])


def test_a_custom_function():
    class LegendrePolynomial3(torch.autograd.Function):
        @staticmethod
        def forward(ctx, input):
            ctx.save_for_backward(input)
            return 0.5 * (5 * input**3 - 3 * input)

        @staticmethod
        def backward(ctx, grad_output):
            (input,) = ctx.saved_tensors
            return grad_output * 1.5 * (5 * input**2 - 1)

    dtype, device = torch.float, torch.device("cpu")
    x = torch.linspace(-math.pi, math.pi, 2000, device=device, dtype=dtype)
    y = torch.sin(x)
    a = torch.full((), 0.0, device=device, dtype=dtype, requires_grad=True)
    b = torch.full((), -1.0, device=device, dtype=dtype, requires_grad=True)
    c = torch.full((), 0.0, device=device, dtype=dtype, requires_grad=True)
    d = torch.full((), 0.3, device=device, dtype=dtype, requires_grad=True)
    p3 = LegendrePolynomial3.apply
    losses = []
    for _ in range(2000):
        predicted = a + b * p3(c + d * x)
        loss = (predicted - y).pow(2).sum()
        losses.append(loss.item())
        loss.backward()
        with torch.no_grad():
            for p in (a, b, c, d):
                p -= 5e-6 * p.grad
                p.grad = None
    assert losses[-1] < losses[0] / 4
    # What the tutorial's own run gives.
    assert [v.item() for v in (a, b, c, d)] == pytest.approx([0.0, -2.208, 0.0, 0.255], abs=0.002)


def test_a_custom_function_as_a_primitive():
    """The same in tensorgrad's own form: two functions instead of a class."""

    @torch.primitive
    def legendre3(x):
        return 0.5 * (5 * x**3 - 3 * x)

    legendre3.defvjps(lambda g, x: g * 1.5 * (5 * x**2 - 1))
    x, y = data()
    a, b = torch.full((), 0.0, requires_grad=True), torch.full((), -1.0, requires_grad=True)
    c, d = torch.full((), 0.0, requires_grad=True), torch.full((), 0.3, requires_grad=True)
    losses = []
    for _ in range(1000):
        loss = (a + b * legendre3(c + d * x) - y).pow(2).sum()
        losses.append(loss.item())
        loss.backward()
        with torch.no_grad():
            for p in (a, b, c, d):
                p -= 5e-5 * p.grad
                p.grad = None
    assert losses[-1] < losses[0] / 5
    (slope,) = torch.grad(legendre3(x.clone().requires_grad_()).sum(), x.requires_grad_(), allow_unused=True)
    assert slope is None


def powers():
    x, y = data()
    return x.unsqueeze(-1).pow(torch.tensor([1, 2, 3])), y


def test_a_polynomial_with_modules():
    torch.manual_seed(1)
    xx, y = powers()
    model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1))
    for _ in range(2000):
        loss = (model(xx) - y).pow(2).sum()
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for param in model.parameters():
                param -= 1e-5 * param.grad
    linear = model[0]
    weights = [linear.weight[:, i].item() for i in range(3)]
    assert fits([linear.bias.item(), *weights])


def test_a_polynomial_with_an_optimizer():
    torch.manual_seed(1)
    xx, y = powers()
    model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1))
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(1500):
        loss = (model(xx) - y).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert fits([model[0].bias.item(), *(model[0].weight[:, i].item() for i in range(3))])


def test_a_module_of_ones_own():
    class Cubic(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Parameter(torch.randn(()))
            self.b = nn.Parameter(torch.randn(()))
            self.c = nn.Parameter(torch.randn(()))
            self.d = nn.Parameter(torch.randn(()))

        def forward(self, x):
            return self.a + self.b * x + self.c * x**2 + self.d * x**3

    torch.manual_seed(1)
    x, y = data()
    model = Cubic()
    assert [name for name, _ in model.named_parameters()] == ["a", "b", "c", "d"]
    optimizer = nn.optim.SGD(model.parameters(), lr=1e-5)
    for _ in range(2000):
        loss = (model(x) - y).pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert fits([p.item() for p in model.parameters()])


def test_control_flow_and_shared_weights():
    """The graph is built anew in each forward: any `if` and `for` may stand in it, and a weight may be used again."""
    rng = np.random.default_rng(0)

    class Dynamic(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(()))
            self.e = nn.Parameter(torch.randn(()))

        def forward(self, x):
            y = self.w * x
            for power in range(4, rng.integers(4, 7)):
                y = y + self.e * x**power * 1e-4
            return y

    x, y = data()
    model = Dynamic()
    optimizer = nn.optim.SGD(model.parameters(), lr=1e-5, momentum=0.9)
    for _ in range(20):
        loss = (model(x) - y).pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert model.w.grad is not None


# What nn is, taken apart


def digits():
    """Pictures of the digits as rows, in training and validation sets."""
    found = nn.data.load_digits8x8()
    pictures = ((x / 16).astype(np.float32).reshape(-1, 64) for x in (found.x_train, found.x_test))
    (x_train, x_valid), y_train, y_valid = pictures, found.y_train, found.y_test
    return map(torch.tensor, (x_train, y_train, x_valid, y_valid))


def accuracy(out, yb):
    preds = torch.argmax(out, dim=1)
    return (preds == yb).float().mean()


def test_a_linear_model_from_scratch():
    x_train, y_train, x_valid, y_valid = digits()
    torch.manual_seed(0)
    weights = torch.randn(64, 10) / math.sqrt(64)
    weights.requires_grad_()
    bias = torch.zeros(10, requires_grad=True)

    def log_softmax(x):
        return x - x.exp().sum(-1).log().unsqueeze(-1)

    def model(xb):
        return log_softmax(xb @ weights + bias)

    def nll(input, target):
        return -input[range(target.shape[0]), target].mean()

    bs, lr = 50, 0.5
    start = nll(model(x_valid), y_valid).item()
    for _ in range(4):
        for i in range((len(x_train) - 1) // bs + 1):
            xb, yb = x_train[i * bs : i * bs + bs], y_train[i * bs : i * bs + bs]
            loss = nll(model(xb), yb)
            loss.backward()
            with torch.no_grad():
                weights -= weights.grad * lr
                bias -= bias.grad * lr
                weights.grad.zero_()
                bias.grad.zero_()
    out = model(x_valid)
    assert nll(out, y_valid).item() < start / 3
    assert accuracy(out, y_valid).item() > 0.85
    # The loss by hand is the function's.
    logits = x_valid @ weights + bias
    assert F.cross_entropy(logits, y_valid).item() == pytest.approx(nll(out, y_valid).item(), rel=1e-5)


def test_the_same_with_modules_data_sets_and_optimizers():
    x_train, y_train, x_valid, y_valid = digits()

    class Logistic(nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = nn.Parameter(torch.randn(64, 10) / math.sqrt(64))
            self.bias = nn.Parameter(torch.zeros(10))

        def forward(self, xb):
            return xb @ self.weights + self.bias

    torch.manual_seed(0)
    model, loss_func = Logistic(), F.cross_entropy
    assert [tuple(p.shape) for p in model.parameters()] == [(64, 10), (10,)]
    loss_func(model(x_train[:64]), y_train[:64]).backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= p.grad * 0.5
        model.zero_grad()
    opt = nn.optim.SGD(nn.Sequential(nn.Linear(64, 10)).parameters(), lr=0.5)
    opt = nn.optim.SGD(model.parameters(), lr=0.5)
    # torch.utils.data is nn.data here; there is no module of that name below tensorgrad.
    train_ds = nn.data.TensorDataset(x_train, y_train)
    train_dl = nn.data.DataLoader(train_ds, batch_size=50, shuffle=True)
    valid_dl = nn.data.DataLoader(nn.data.TensorDataset(x_valid, y_valid), batch_size=100)

    def loss_batch(xb, yb, opt=None):
        loss = loss_func(model(xb), yb)
        if opt is not None:
            loss.backward()
            opt.step()
            opt.zero_grad()
        return loss.item(), len(xb)

    valid_losses = []
    for _ in range(4):
        model.train()
        for xb, yb in train_dl:
            loss_batch(xb, yb, opt)
        model.eval()
        with torch.no_grad():
            losses, nums = zip(*[loss_batch(xb, yb) for xb, yb in valid_dl], strict=True)
        valid_losses.append(np.sum(np.multiply(losses, nums)) / np.sum(nums))
    assert sum(nums) == len(x_valid)
    assert valid_losses[-1] < valid_losses[0] < 2.3
    assert accuracy(model(x_valid), y_valid).item() > 0.85


def test_a_small_cnn_of_layers_and_functions_of_ones_own():
    x_train, y_train, x_valid, y_valid = digits()

    class Lambda(nn.Module):
        def __init__(self, func):
            super().__init__()
            self.func = func

        def forward(self, x):
            return self.func(x)

    torch.manual_seed(0)
    model = nn.Sequential(
        Lambda(lambda x: x.view(-1, 1, 8, 8)),
        nn.Conv2d(1, 16, kernel_size=3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 10, kernel_size=3, stride=1, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        Lambda(lambda x: x.view(x.size(0), -1)),
    )
    opt = nn.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    for _ in range(8):
        for xb, yb in nn.data.DataLoader(x_train, y_train, batch_size=50, shuffle=True):
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            opt.step()
            opt.zero_grad()
    with torch.inference_mode():
        out = model(x_valid.to("cpu"))
    assert accuracy(out, y_valid).item() > 0.6
    pooled = F.avg_pool2d(torch.ones(1, 1, 4, 4), 4)
    assert pooled.tolist() == [[[[1.0]]]]


# A classifier


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.stack = nn.Sequential(nn.Linear(8 * 8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, x):
        return self.stack(self.flatten(x))


def blobs(count=240):
    """Three kinds of noisy 8x8 pictures."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, count)
    pictures = rng.normal(0, 0.7, (count, 1, 8, 8)).astype(np.float32)
    for picture, label in zip(pictures, labels, strict=True):
        picture[0, 2 * label : 2 * label + 2] += 1.5
    return torch.from_numpy(pictures), torch.from_numpy(labels)


def test_building_a_model():
    model = Network()
    text = str(model)
    for part in ("Network", "(flatten): Flatten", "(stack): Sequential", "(0): Linear(in_features=64, out_features=32"):
        assert part in text
    logits = model(torch.rand(1, 8, 8))
    probabilities = nn.Softmax(dim=1)(logits)
    assert probabilities.sum().item() == pytest.approx(1.0)
    assert probabilities.argmax(1).shape == (1,)
    sizes = {name: param.size() for name, param in model.named_parameters()}
    assert sizes["stack.0.weight"] == (32, 64)
    assert sizes["stack.4.bias"] == (3,)
    assert nn.ReLU()(torch.tensor([-1.0, 1.0])).tolist() == [0.0, 1.0]


def test_training_and_test_loops():
    torch.manual_seed(0)
    x, y = blobs()
    dataloader = nn.data.DataLoader(x, y, batch_size=32, shuffle=True)
    model, loss_fn = Network(), nn.CrossEntropyLoss()
    optimizer = nn.optim.SGD(model.parameters(), lr=5e-2)

    def train_loop():
        model.train()
        for inputs, targets in dataloader:
            loss = loss_fn(model(inputs), targets)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    def test_loop():
        model.eval()
        correct, test_loss = 0, 0.0
        with torch.no_grad():
            for inputs, targets in dataloader:
                pred = model(inputs)
                test_loss += loss_fn(pred, targets).item()
                correct += (pred.argmax(1) == targets).float().sum().item()
        return correct / len(x), test_loss / len(dataloader)

    before = test_loop()
    for _ in range(15):
        train_loop()
    after = test_loop()
    assert after[1] < before[1]
    assert after[0] > 0.95


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def test_a_convolutional_network_step_by_step():
    torch.manual_seed(0)
    net = LeNet()
    params = list(net.parameters())
    assert len(params) == 10
    assert params[0].size() == (6, 1, 5, 5)
    out = net(torch.randn(1, 1, 32, 32))
    assert out.shape == (1, 10)
    net.zero_grad()
    out.backward(torch.randn(1, 10))
    assert net.conv1.bias.grad.shape == (6,)
    net.zero_grad()
    output = net(torch.randn(1, 1, 32, 32))
    target = torch.randn(10).view(1, -1)
    loss = ((output - target) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for p in net.parameters():
            p.sub_(p.grad * 0.01)
    optimizer = nn.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    optimizer.zero_grad()
    after = ((net(torch.randn(1, 1, 32, 32)) - target) ** 2).mean()
    after.backward()
    optimizer.step()
    assert math.isfinite(after.item())


def test_counting_what_was_recognised():
    outputs, labels = torch.tensor([[1.0, 3.0], [5.0, 2.0], [0.0, 1.0]]), torch.tensor([1, 0, 0])
    _, predicted = torch.max(outputs, 1)
    total = labels.size(0)
    correct = (predicted == labels).sum().item()
    assert (correct, total) == (2, 3)


def test_saving_and_loading_a_model(tmp_path):
    model, other = Network(), Network()
    nn.save(model, tmp_path / "model.safetensors")
    nn.load(other, tmp_path / "model.safetensors")
    x = torch.rand(2, 8, 8)
    assert other(x).tolist() == model(x).tolist()
    other.load_state_dict(model.state_dict())


def test_saving_what_is_needed_to_go_on(tmp_path):
    """A checkpoint holds the model's and the optimiser's state, under names: torch.save writes a pickle of a dict."""
    torch.manual_seed(0)
    x, y = blobs(64)
    net = Network()
    optimizer = nn.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

    def step(net, optimizer):
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    for _ in range(3):
        step(net, optimizer)
    path = tmp_path / "run.safetensors"
    nn.train.save_checkpoint(path, {"model": net, "optimizer": optimizer}, {"epoch": 3})
    expected = [step(net, optimizer) for _ in range(3)]

    other = Network()
    others = nn.optim.SGD(other.parameters(), lr=0.01, momentum=0.9)
    checkpoint = nn.train.load_checkpoint(path)
    checkpoint.restore({"model": other, "optimizer": others})
    assert checkpoint.progress["epoch"] == 3
    assert [step(other, others) for _ in range(3)] == expected
    assert list(net.state_dict()) == [name for name, _ in net.named_parameters()]
    other.eval()
    assert not other.training


# Autograd, looked at from near


def test_the_graph_can_be_walked_by_hand():
    a = torch.rand(2, requires_grad=True)
    z = torch.mean(torch.exp(a * 2) + a)
    names, stack = [], [z.grad_fn]
    while stack:
        node = stack.pop()
        if hasattr(node, "variable"):
            assert node.variable is a
            names.append("a leaf")
        elif node is not None:
            names.append(node.name)
            stack.extend(next_node for next_node, _ in node.next_functions)
    assert sorted(names) == ["a leaf", "a leaf", "add", "exp", "mean", "mul"]


def test_leaves_results_and_what_keeps_gradients():
    x = torch.linspace(0.0, 2.0 * torch.pi, steps=25, requires_grad=True)
    y = torch.sin(x)
    z = 2 * y + 1
    assert (x.is_leaf, y.is_leaf, y.requires_grad) == (True, False, True)
    y.retain_grad()
    z.sum().backward()
    assert torch.allclose(x.grad, 2 * torch.cos(x).detach(), atol=1e-6)
    assert y.grad.tolist() == [2.0] * 25
    with torch.set_grad_enabled(False):
        assert not torch.sin(x).requires_grad
    assert torch.is_grad_enabled()

    @torch.no_grad()
    def added(u, v):
        return u + v

    assert not added(x, x).requires_grad
    detached = x.detach()
    assert not detached.requires_grad
    with pytest.raises(RuntimeError, match="leaf"):
        x.sin().add_(1) + x.add_(1)


# Single calls

T = torch.tensor([[1.0, 2.0], [3.0, 4.0]])

CALLS = [
    # tensors
    "torch.tensor([[1, 2], [3, 4]])",
    "torch.from_numpy(np.ones(2))",
    "torch.ones_like(T)",
    "torch.zeros_like(T)",
    "torch.rand_like(T, dtype=torch.float)",
    "torch.randn_like(T)",
    "torch.rand((2, 3))",
    "torch.empty(2, 3)",
    "torch.full((2,), 3.0)",
    "torch.full_like(T, 3.0)",
    "torch.arange(3)",
    "torch.linspace(0, 1, 5)",
    "torch.eye(3)",
    "torch.is_tensor(T)",
    "torch.numel(T)",
    "T.shape",
    "T.dtype",
    "T.device",
    "torch.device('cpu')",
    "T.to('cpu')",
    "T.to(torch.float64)",
    "T.type(torch.float)",
    "T.float()",
    "T.int()",
    "torch.float",
    "torch.double",
    "torch.long",
    "torch.int",
    "torch.float32",
    "torch.int64",
    "torch.bool",
    "torch.pi",
    "torch.cat([T, T], dim=1)",
    "torch.concat([T, T])",
    "torch.stack([T, T])",
    "torch.split(T, 1)",
    "torch.chunk(T, 2)",
    "torch.matmul(T, T, out=torch.zeros(2, 2))",
    "torch.mm(T, T)",
    "torch.dot(T[0], T[0])",
    "T.mm(T)",
    "T.clamp(min=0)",
    "torch.sin(T)",
    "torch.cos(T)",
    "torch.abs(T)",
    "torch.sqrt(T)",
    "torch.exp(T)",
    "torch.pow(T, 2)",
    "torch.square(T)",
    "torch.sum(T, dim=1)",
    "torch.mean(T)",
    "torch.max(T)",
    "torch.min(T)",
    "torch.max(T, 1)",
    "torch.max(T, dim=1).values",
    "torch.var(T)",
    "torch.std(T)",
    "torch.argmax(T, dim=1)",
    "torch.allclose(T, T)",
    "torch.equal(T, T)",
    "T.view(4)",
    "T.view(-1, 1)",
    "T.reshape(4)",
    "T.t()",
    "T.T",
    "T.t_()",
    "T.transpose(0, 1)",
    "T.expand(3, 2, 2)",
    "T.squeeze()",
    "T.contiguous()",
    "T.eq(T)",
    "T.norm()",
    "T.clone().uniform_(-1, 1)",
    "T.clone().normal_()",
    "T.size(0)",
    "T.item() if T.numel() == 1 else T.tolist()",
    # autograd
    "torch.ones(2, requires_grad=True).detach()",
    "torch.set_grad_enabled(True)",
    "torch.is_grad_enabled()",
    "torch.inference_mode()",
    "torch.autograd.grad",
    "torch.autograd.Function",
    "torch.func.grad",
    "(torch.ones(2, requires_grad=True) * 2).grad_fn.next_functions",
    "torch.ones(2, requires_grad=True).data.sub_(torch.ones(2))",
    "torch.nn.functional.binary_cross_entropy_with_logits(T, torch.ones_like(T))",
    "torch.nn.functional.mse_loss(T, T)",
    "torch.nn.functional.relu(T)",
    "torch.nn.functional.softmax(T, dim=1)",
    "torch.nn.functional.nll_loss(T, torch.tensor([0, 1]))",
    # modules and optimisers
    "torch.nn.Linear(2, 2)",
    "torch.nn.Conv2d(1, 1, 1)",
    "torch.nn.MSELoss(reduction='sum')",
    "torch.nn.MSELoss()(T, T)",
    "torch.nn.CrossEntropyLoss()",
    "torch.nn.NLLLoss()",
    "torch.nn.Dropout(0.5)",
    "torch.nn.Parameter(T)",
    "torch.optim.SGD",
    "torch.optim.RMSprop",
    "nn.optim.SGD",
    "nn.optim.Adam",
    "nn.optim.RMSprop",
    "torch.utils.data.DataLoader",
    "torch.save",
    "torch.load",
    "nn.Linear(2, 2).state_dict()",
    "nn.Linear(2, 2).requires_grad_(False)",
    "nn.Linear(2, 2).to('cpu')",
    "nn.init.kaiming_uniform_(torch.ones(2, 2))",
]

# In these tutorials, and not here, with what is written instead. Everything else works.
ELSEWHERE = {
    "torch.matmul(T, T, out=torch.zeros(2, 2))": "z = T @ T: a result goes into a new tensor, never into one there is",
    "torch.ones(2, requires_grad=True).data.sub_(torch.ones(2))": ".data is the NumPy array: p.sub_(...) under no_grad",
    "torch.optim.SGD": "nn.optim.SGD: tensorgrad stands without nn, whose layers, optimisers and data are built on it",
    "torch.optim.RMSprop": "nn.optim.RMSprop",
    "torch.utils.data.DataLoader": "nn.data.DataLoader, which takes arrays and tensors too",
    "torch.save": "nn.save, which writes safetensors: nothing is ever unpickled",
    "torch.load": "nn.load, which fills a module",
}


@pytest.mark.parametrize("call", CALLS)
def test_single_calls(call):
    names = {"torch": torch, "nn": nn, "np": np, "T": T.clone()}
    if call in ELSEWHERE:
        with pytest.raises((AttributeError, TypeError)):
            eval(call, names)
    else:
        eval(call, names)


def test_what_is_elsewhere_is_in_the_list():
    assert set(ELSEWHERE) < set(CALLS)

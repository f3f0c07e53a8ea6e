"""Training: conv, ReLU, pool, repeated, then a dense layer, on 1,437 real digits of 8x8; tested on 360 others."""

import numpy as np

import tensorgrad as tg
from tensorgrad import nn

from .show import Pictures, heading

EPOCHS = 8


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images (N, 1, 8, 8) and labels to train on, and to test on."""
    data = nn.data.load_digits8x8()
    as_input = nn.data.Normalize(8, 6)  # values 0 to 16 around zero
    return as_input(data.x_train)[:, None], data.y_train, as_input(data.x_test)[:, None], data.y_test


def train(net: nn.Module, lr: float, batch_size: int, epochs: int) -> list[dict[str, float]]:
    """Adam for some epochs: the loss and the accuracy after each."""
    x_train, y_train, x_test, y_test = digits()
    optimizer = nn.optim.Adam(net.parameters(), lr=lr)
    loader = nn.data.DataLoader(x_train, y_train, batch_size=batch_size, shuffle=True)
    history = []
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for x, y in loader:
            scores = net(x)
            loss = nn.functional.cross_entropy(scores, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
            right += int((scores.data.argmax(1) == y.data).sum())
        test_scores = nn.train.predict(net, x_test)
        history.append(
            {
                "epoch": epoch,
                "lr": lr,
                "train_loss": total / len(y_train),
                "train_accuracy": right / len(y_train),
                "test_loss": nn.functional.cross_entropy(tg.from_numpy(test_scores), y_test).item(),
                "test_accuracy": nn.train.accuracy(test_scores, y_test),
            }
        )
    return history


def main(pictures: Pictures) -> None:
    heading("Training")
    tg.manual_seed(0)
    net = nn.cnn("[3x3, 16] pool [3x3, 32] pool fc 10", in_shape=(1, 8, 8))
    print(nn.summary(net, (1, 1, 8, 8)))
    print()
    history = train(net, lr=4e-3, batch_size=32, epochs=EPOCHS)
    for row in history:
        print(
            f"    epoch {row['epoch']}   loss {row['train_loss']:.3f}   train {row['train_accuracy']:6.1%}   "
            f"test {row['test_accuracy']:6.1%}"
        )
    _, _, x_test, y_test = digits()
    scores = nn.train.predict(net, x_test)
    wrong = np.flatnonzero(scores.argmax(1) != y_test)
    print(f"\n{len(wrong)} of {len(y_test)} test digits are taken for another.")
    epochs = [row["epoch"] for row in history]
    pictures.curves(
        "training.png",
        {
            "loss": {part: (epochs, [row[f"{part}_loss"] for row in history]) for part in ("train", "test")},
            "accuracy": {part: (epochs, [row[f"{part}_accuracy"] for row in history]) for part in ("train", "test")},
        },
        xlabel="epoch",
    )
    if len(wrong):
        raw = nn.data.load_digits8x8().x_test  # 0 to 16
        pictures.grid(
            "mistakes.png",
            [{f"a {y_test[n]}, taken for {scores[n].argmax()}": raw[n] for n in wrong[:5]}],
            "Test digits that were taken for another",
        )

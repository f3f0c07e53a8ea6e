"""What layers cost: counted by nn.summary, without computing and, under nn.meta(), without allocating."""

from tensorgrad import nn

from .show import Pictures, heading


def main(pictures: Pictures) -> None:
    heading("The cost of a dense layer")
    inputs = 224 * 224 * 3
    photograph = (1, 3, 224, 224)
    with nn.meta():  # its weights would take 45 GB: they have a shape, and no values
        dense = nn.Sequential(nn.Flatten(), nn.Linear(inputs, inputs // 2))
    one_layer = nn.summary(dense, photograph).total_parameters
    print(f"A photograph of 224x224 in three colours has {inputs:,} values.\n")
    print(f"    one dense layer of half as many units   {one_layer:14,} parameters")
    conv = nn.summary(nn.Conv2d(3, 64, 3, padding=1), photograph)
    print(f"    64 kernels of 3x3                       {conv.total_parameters:14,} parameters")

    heading("A small network, layer by layer")
    print("Convolution, ReLU, pooling, again; then flatten, fully connected, softmax.\n")
    net = nn.cnn("[3x3, 16] pool [3x3, 32] pool fc 10 softmax", in_shape=(1, 28, 28))
    print(nn.summary(net, (1, 1, 28, 28)))

    heading("A deep network")
    with nn.meta():
        net = nn.models.resnet152()
    found = nn.summary(net, photograph)
    layers = [row for row in found.rows if row.kind in ("Conv2d", "Linear") and "downsample" not in row.name]
    print("The lecture says that ResNet-152 has fewer than 20 million parameters. It has three times as many:\n")
    print(f"    layers with weights   {len(layers):14,}")
    print(f"    parameters            {found.total_parameters:14,}")
    print(f"    multiply-adds         {found.multiply_adds:14,}")
    print(f"\nThe one dense layer above has {one_layer / found.total_parameters:.0f} times as many.")

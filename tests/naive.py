"""References for the tests: plain loops over pixels, slow and obvious, sharing no code with the package.

Any number of spatial axes; padding is (before, after) per axis for convolution, one number per axis for pooling. Sums
are taken in the dtype they are given: pass float64.
"""

import itertools
import math

import numpy as np


def conv_reads(x_shape, w_shape, out_size, stride, padding, dilation, groups):
    """Every (result, filter weight, pixel) index triple that a convolution multiplies and adds, padding left out."""
    images, (filters, depth), kernel = x_shape[0], w_shape[:2], w_shape[2:]
    for y in itertools.product(*map(range, out_size)):
        for k in itertools.product(*map(range, kernel)):
            pixel = []
            for axis in range(len(kernel)):
                pixel.append(y[axis] * stride[axis] + k[axis] * dilation[axis] - padding[axis][0])
            if not all(0 <= i < n for i, n in zip(pixel, x_shape[2:], strict=True)):
                continue
            for n, o, c in itertools.product(range(images), range(filters), range(depth)):
                group = o // (filters // groups)
                yield (n, o, *y), (o, c, *k), (n, group * depth + c, *pixel)


def conv_size(x_shape, w_shape, stride, padding, dilation):
    """Windows per axis, counted one by one."""
    sizes = []
    for n, k, s, (before, after), d in zip(x_shape[2:], w_shape[2:], stride, padding, dilation, strict=True):
        starts = range(0, n + before + after, s)
        sizes.append(sum(start + (k - 1) * d < n + before + after for start in starts))
    return tuple(sizes)


def conv(x, w, stride, padding, dilation, groups):
    out_size = conv_size(x.shape, w.shape, stride, padding, dilation)
    out = np.zeros((x.shape[0], w.shape[0], *out_size), x.dtype)
    for result, weight, pixel in conv_reads(x.shape, w.shape, out_size, stride, padding, dilation, groups):
        out[result] += w[weight] * x[pixel]
    return out


def conv_input_grad(g, w, shape, stride, padding, dilation, groups):
    gx = np.zeros(shape, g.dtype)
    for result, weight, pixel in conv_reads(shape, w.shape, g.shape[2:], stride, padding, dilation, groups):
        gx[pixel] += w[weight] * g[result]
    return gx


def conv_weight_grad(g, x, shape, stride, padding, dilation, groups):
    gw = np.zeros(shape, g.dtype)
    for result, weight, pixel in conv_reads(x.shape, shape, g.shape[2:], stride, padding, dilation, groups):
        gw[weight] += x[pixel] * g[result]
    return gw


def max_pool(x, kernel, stride, padding, dilation, out_size):
    """The largest value of each window, and its index in the flattened plane (PyTorch's loop, word for word)."""
    space = x.shape[2:]
    values = np.zeros((*x.shape[:2], *out_size), x.dtype)
    indices = np.zeros(values.shape, np.int64)
    for n, c in itertools.product(range(x.shape[0]), range(x.shape[1])):
        for y in itertools.product(*map(range, out_size)):
            best, where = None, None
            for k in itertools.product(*map(range, kernel)):
                pixel = tuple(
                    y_ * s + k_ * d - p for y_, s, k_, d, p in zip(y, stride, k, dilation, padding, strict=True)
                )
                if not all(0 <= i < m for i, m in zip(pixel, space, strict=True)):
                    continue
                value = x[(n, c, *pixel)]
                if best is None or value > best or value != value:
                    best, where = value, pixel
            values[(n, c, *y)] = best
            flat = 0
            for i, m in zip(where, space, strict=True):
                flat = flat * m + i
            indices[(n, c, *y)] = flat
    return values, indices


def batch_norm(x, weight, bias, eps):
    """Each channel brought to mean 0 and variance 1, then scaled and shifted; with its mean and biased variance."""
    channels = x.shape[1]
    out, mean, var = np.zeros_like(x), np.zeros(channels), np.zeros(channels)
    for c in range(channels):
        values = x[:, c].ravel().tolist()
        mean[c] = math.fsum(values) / len(values)
        var[c] = math.fsum((v - mean[c]) ** 2 for v in values) / len(values)
        scale = 1 if weight is None else weight[c]
        shift = 0 if bias is None else bias[c]
        out[:, c] = (x[:, c] - mean[c]) / math.sqrt(var[c] + eps) * scale + shift
    return out, mean, var


def adjoint(linear, shape, gy):
    """Of a linear function of arrays of `shape`, from its values at the unit vectors."""
    gx = np.zeros(shape, gy.dtype)
    for at in np.ndindex(*shape):
        unit = np.zeros(shape, gy.dtype)
        unit[at] = 1
        gx[at] = np.sum(linear(unit) * gy)
    return gx


def over_windows(x, windows, value):
    """`value(pixels, window)` for each channel and each product of `windows`, a list of lists of pixels per axis."""
    out = np.zeros((*x.shape[:2], *map(len, windows)), x.dtype)
    for at in np.ndindex(*out.shape):
        window = [pixels[i] for pixels, i in zip(windows, at[2:], strict=True)]
        out[at] = value(x[at[:2]], window)
    return out


def avg_pool(x, kernel, stride, padding, out_size, count_include_pad, divisor_override):
    space = x.shape[2:]

    def average(image, corner):
        total, places, inside = 0.0, 0, 0
        for k in np.ndindex(*kernel):
            pixel = tuple(c + k_ for c, k_ in zip(corner, k, strict=True))
            if all(i < n + p for i, n, p in zip(pixel, space, padding, strict=True)):
                places += 1
            if all(0 <= i < n for i, n in zip(pixel, space, strict=True)):
                inside += 1
                total += image[pixel]
        return total / (divisor_override or (places if count_include_pad else inside))

    corners = [[y * s - p for y in range(out)] for out, s, p in zip(out_size, stride, padding, strict=True)]
    return over_windows(x, corners, average)


def adaptive_windows(size, out_size):
    """Pixel i of n lies in window y of m if their stretches i/n..(i+1)/n and y/m..(y+1)/m of the axis overlap."""
    return [
        [[i for i in range(n) if i * m < (y + 1) * n and y * n < (i + 1) * m] for y in range(m)]
        for n, m in zip(size, out_size, strict=True)
    ]


def adaptive_avg_pool(x, output_size):
    def mean(image, window):
        pixels = [image[p] for p in itertools.product(*window)]
        return sum(pixels) / len(pixels)

    return over_windows(x, adaptive_windows(x.shape[2:], output_size), mean)


def adaptive_max_pool(x, output_size):
    """The largest value of each window, and its index in the flattened plane."""
    space = x.shape[2:]

    def winner(image, window):
        best = None
        for p in itertools.product(*window):
            if best is None or image[p] > image[best] or image[p] != image[p]:
                best = p
        return np.arange(math.prod(space)).reshape(space)[best]

    indices = over_windows(np.zeros(x.shape, np.int64) + x, adaptive_windows(space, output_size), winner).astype(
        np.int64
    )
    values = np.zeros(indices.shape, x.dtype)
    for at in np.ndindex(*indices.shape):
        values[at] = x[at[:2]].ravel()[indices[at]]
    return values, indices


def pad(x, widths, mode, value):
    """Each place of the result asks where it comes from, one axis after the other."""

    def source(i, n, before, after):
        low, high = (max(0, -before), n - max(0, -after)) if mode == "circular" else (0, n)
        while not low <= i < high:
            if mode == "reflect":
                i = -i if i < 0 else 2 * (n - 1) - i
            elif mode == "replicate":
                i += 1 if i < 0 else -1
            elif mode == "circular":
                i += (high - low) if i < low else low - high
            else:
                return None
        return i

    out = np.full([n + b + a for n, (b, a) in zip(x.shape, widths, strict=True)], value, x.dtype)
    for at in np.ndindex(*out.shape):
        places = [source(i - b, n, b, a) for i, n, (b, a) in zip(at, x.shape, widths, strict=True)]
        if None not in places:
            out[at] = x[tuple(places)]
    return out


def unfold_reads(shape, kernel, dilation, padding, stride):
    """Every (column entry, pixel) index pair of im2col over images of `shape`, padding left out."""
    images, channels, *space = shape
    size = conv_size(shape, (0, 0, *kernel), stride, [(p, p) for p in padding], dilation)
    places, windows = list(np.ndindex(*kernel)), list(np.ndindex(*size))
    for n, c in itertools.product(range(images), range(channels)):
        for (row, k), (column, y) in itertools.product(enumerate(places), enumerate(windows)):
            pixel = tuple(y_ * s + k_ * d - p for y_, s, k_, d, p in zip(y, stride, k, dilation, padding, strict=True))
            if all(0 <= i < m for i, m in zip(pixel, space, strict=True)):
                yield (n, c * len(places) + row, column), (n, c, *pixel)


def unfold(x, kernel_size, dilation, padding, stride):
    size = conv_size(x.shape, (0, 0, *kernel_size), stride, [(p, p) for p in padding], dilation)
    out = np.zeros((x.shape[0], x.shape[1] * math.prod(kernel_size), math.prod(size)), x.dtype)
    for entry, pixel in unfold_reads(x.shape, kernel_size, dilation, padding, stride):
        out[entry] = x[pixel]
    return out


def fold(columns, output_size, kernel_size, dilation, padding, stride):
    out = np.zeros((len(columns), columns.shape[1] // math.prod(kernel_size), *output_size), columns.dtype)
    for entry, pixel in unfold_reads(out.shape, kernel_size, dilation, padding, stride):
        out[pixel] += columns[entry]
    return out


def interpolate(x, size, mode, align_corners, scales):
    """Each pixel of the result asks where it lies, and weighs the pixels around that place."""

    def hat(d):
        return max(0.0, 1 - abs(d))

    def keys(d, a=-0.75):
        d = abs(d)
        if d <= 1:
            return (a + 2) * d**3 - (a + 3) * d**2 + 1
        return a * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2 else 0.0

    def weights(i, n, out, scale):
        step = 1 / scale if scale else n / out
        if mode in ("nearest", "nearest-exact"):
            return {min(math.floor((i + (mode == "nearest-exact") / 2) * step), n - 1): 1.0}
        place = i * (n - 1) / max(out - 1, 1) if align_corners else (i + 0.5) * step - 0.5
        place = max(place, 0.0) if mode == "linear" else place
        around = {}
        for pixel in range(math.floor(place) - 1, math.floor(place) + 3):
            weight = hat(place - pixel) if mode == "linear" else keys(place - pixel)
            nearest = min(max(pixel, 0), n - 1)
            around[nearest] = around.get(nearest, 0.0) + weight
        return around

    scales = scales or [None] * len(size)
    axes = [
        [weights(i, n, out, s).items() for i in range(out)] for n, out, s in zip(x.shape[2:], size, scales, strict=True)
    ]

    def weighed(image, window):
        return sum(
            image[tuple(pixel for pixel, _ in chosen)] * math.prod(weight for _, weight in chosen)
            for chosen in itertools.product(*window)
        )

    return over_windows(x, axes, weighed)

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

"""Rearrangements of channels and pixels as modules."""

from . import functional as F
from .function import FunctionLayer, layer_of


@layer_of(F.pixel_shuffle)
class PixelShuffle(FunctionLayer):
    """(N, C*r*r, H, W) to (N, C, H*r, W*r), with r = `upscale_factor`. See `tg.pixel_shuffle`."""

    upscale_factor: int


@layer_of(F.pixel_unshuffle)
class PixelUnshuffle(FunctionLayer):
    """(N, C, H*r, W*r) to (N, C*r*r, H, W), with r = `downscale_factor`: what undoes `PixelShuffle`."""

    downscale_factor: int


@layer_of(F.channel_shuffle)
class ChannelShuffle(FunctionLayer):
    """The channels of (N, C, ...), cut into `groups`, mixed evenly between them. See `tg.channel_shuffle`."""

    groups: int

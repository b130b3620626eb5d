"""The network computes the textbook's function, whatever its layout."""

import gymnasium
import numpy as np
import torch
from torch import nn

from baselines.networks import Network2013, WideLinear

SPACE = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)


def textbook(ours):
    """The same weights as plain layers on pictures from 0 to 1, flattened filter first."""
    layers = nn.Sequential(
        nn.Conv2d(4, 16, 8, stride=4), nn.ReLU(), nn.Conv2d(16, 32, 4, stride=2), nn.ReLU(), nn.Flatten(),
        nn.Linear(2592, 256), nn.ReLU(),
    )  # fmt: skip
    with torch.no_grad():
        for theirs, own in ((layers[0], ours.first), (layers[2], ours.second)):
            theirs.weight.copy_(own.weight)
            theirs.bias.copy_(own.bias)
        as_filters_first = ours.wide.weight.unflatten(1, (9, 9, 32)).permute(0, 3, 1, 2).flatten(1)
        layers[5].weight.copy_(as_filters_first)
        layers[5].bias.copy_(ours.wide.bias)
    return layers


def test_it_is_the_textbook_network():
    """Features and every gradient equal those of plain layers, within float32's rounding."""
    torch.manual_seed(1)
    ours = Network2013(SPACE).to(memory_format=torch.channels_last)
    theirs = textbook(ours)
    pictures = torch.randint(0, 256, (10, 4, 84, 84)).float()
    features, expected = ours(pictures), theirs(pictures / 255)
    assert torch.allclose(features, expected, atol=1e-5)
    features.square().sum().backward()
    expected.square().sum().backward()
    for own, plain in ((ours.first, theirs[0]), (ours.second, theirs[2])):
        assert torch.allclose(own.weight.grad, plain.weight.grad, rtol=1e-3, atol=1e-4)
        assert torch.allclose(own.bias.grad, plain.bias.grad, rtol=1e-3, atol=1e-4)
    own_first = ours.wide.weight.grad.unflatten(1, (9, 9, 32)).permute(0, 3, 1, 2).flatten(1)
    assert torch.allclose(own_first, theirs[5].weight.grad, rtol=1e-3, atol=1e-4)
    assert torch.allclose(ours.wide.bias.grad, theirs[5].bias.grad, rtol=1e-3, atol=1e-4)


def test_the_layout_of_the_pictures_changes_nothing():
    """Pictures in plain and in channels-last layout give the same features."""
    torch.manual_seed(1)
    network = Network2013(SPACE).to(memory_format=torch.channels_last)
    pictures = torch.randint(0, 256, (5, 4, 84, 84)).float()
    interleaved = pictures.contiguous(memory_format=torch.channels_last)
    assert torch.allclose(network(pictures), network(interleaved), atol=1e-6)


def test_the_wide_layer_is_a_linear_layer():
    """numpy's products and gradients are torch's."""
    torch.manual_seed(1)
    wide, plain = WideLinear(30, 20), nn.Linear(30, 20)
    plain.load_state_dict(wide.state_dict())
    inputs = torch.randn(7, 30, requires_grad=True)
    twin = inputs.detach().clone().requires_grad_()
    wide(inputs).square().sum().backward()
    plain(twin).square().sum().backward()
    assert torch.allclose(inputs.grad, twin.grad, atol=1e-5)
    assert torch.allclose(wide.weight.grad, plain.weight.grad, atol=1e-5)
    assert torch.allclose(wide.bias.grad, plain.bias.grad, atol=1e-5)

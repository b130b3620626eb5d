"""The multi-head policy: its mixture, and the term that balances its heads."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baselines.multihead import _WithTerm, imbalance
from baselines.multihead_a2c import HeadUse, make
from suite.learners.practice import trivial_lanes

OBSERVATIONS = torch.randint(0, 256, (6, 4, 84, 84), dtype=torch.uint8, generator=torch.manual_seed(0))


def policy(**changes):
    return make(1, 8, **changes).policy


def test_logits_and_values_are_the_heads_weighted_by_the_gate():
    """With the gate forced onto one head, the mixture is that head's; forced between two, their mean."""
    mixed = policy(heads=2)
    features = mixed.extract_features(OBSERVATIONS)
    logits = mixed.action_net(features).unflatten(1, (2, 18))
    values = mixed.value_net(features)
    for bias, share in (((1e3, 0.0), (1.0, 0.0)), ((0.0, 1e3), (0.0, 1.0)), ((0.0, 0.0), (0.5, 0.5))):
        with torch.no_grad():
            mixed.gate_net.weight.zero_()
            mixed.gate_net.bias.copy_(torch.tensor(bias))
        found = mixed.mix(OBSERVATIONS)
        assert torch.allclose(found.logits, share[0] * logits[:, 0] + share[1] * logits[:, 1], atol=1e-6)
        assert torch.allclose(found.values[:, 0], values @ torch.tensor(share), atol=1e-6)


def test_what_is_played_is_what_is_learned_from():
    """Values and log-probabilities of ``forward`` are those of ``evaluate_actions`` and of the distribution."""
    mixed = policy()
    with torch.no_grad():
        mixed.action_net.weight.mul_(100)
        actions, values, log_probs = mixed(OBSERVATIONS)
        again, evaluated, entropies = mixed.evaluate_actions(OBSERVATIONS, actions)
        distribution = mixed.get_distribution(OBSERVATIONS)
    assert torch.allclose(values, again)
    assert torch.allclose(log_probs, evaluated)
    assert torch.allclose(log_probs, distribution.log_prob(actions), atol=1e-5)
    assert torch.allclose(entropies, distribution.entropy(), atol=1e-5)
    assert torch.equal(mixed(OBSERVATIONS, deterministic=True)[0], distribution.mode())


def test_a_lower_temperature_chooses_harder():
    """The largest gate weight grows as the temperature falls; weights always sum to 1."""
    largest = []
    for temperature in (2.0, 1.0, 0.1):
        gate = policy(temperature=temperature).mix(OBSERVATIONS).gate
        assert torch.allclose(gate.sum(1), torch.ones(6))
        largest.append(float(gate.detach().max(1).values.mean()))
    assert largest == sorted(largest)
    assert largest[0] < largest[-1]


def test_imbalance_is_zero_for_equal_use_and_log_k_for_one_head():
    """Two observations with one head each are as balanced as two that use both; one head alone costs log 2."""
    assert float(imbalance(torch.eye(2))) == pytest.approx(0, abs=1e-6)
    assert float(imbalance(torch.full((2, 2), 0.5))) == pytest.approx(0, abs=1e-6)
    assert float(imbalance(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))) == pytest.approx(math.log(2))


def test_a_head_that_is_dead_has_a_gradient():
    """If a head's weight has underflowed to zero, the term's gradient is finite, and so are all weights'."""
    scores = torch.tensor([[200.0, 0.0], [300.0, 0.0]], requires_grad=True)
    imbalance(torch.softmax(scores, 1)).backward()
    assert torch.isfinite(scores.grad).all()


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=1, max_size=5))
def test_imbalance_lies_between_zero_and_log_k(weights):
    """The bounds hold for any weights of three heads."""
    gate = torch.tensor(weights)
    gate = gate / gate.sum(1, keepdim=True)
    assert -1e-5 <= float(imbalance(gate)) <= math.log(3) + 1e-5


def test_the_term_adds_its_own_gradient_once():
    """A loss of values that carry a term has the gradient of their sum, whatever the loss is."""
    gradients = []
    for riding in (True, False):
        weight = torch.tensor([1.0, 2.0], requires_grad=True)
        values, term = weight * 3, weight.square().sum()
        loss = (_WithTerm.apply(values, term) ** 2).mean() if riding else (values**2).mean() + term
        loss.backward()
        gradients.append(weight.grad)
    assert torch.equal(*gradients)


@pytest.mark.slow
def test_balancing_moves_the_gate_towards_equal_use():
    """From a gate that uses one head, learning with a large coefficient evens the use; without, it does not."""
    left = []
    for balance_coef in (0.0, 1.0):
        learner = make(1, 8, n_steps=5, balance_coef=balance_coef)
        with torch.no_grad():
            learner.policy.gate_net.bias[0] += 3
        learner.learn(trivial_lanes(100, 1))
        left.append(float(imbalance(learner.policy.mix(OBSERVATIONS).gate.detach())))
    assert left[1] < 0.5 * left[0]


def test_head_use_is_the_mean_gate_of_each_episode():
    """Rows come as episodes end, numbered within their lane, with the mean over their steps."""
    use = HeadUse(lanes=2, heads=2)

    class Played:
        """Takes the place of Stable-Baselines3's algorithm."""

    use.model, use.locals = Played(), {}
    use.model.policy = policy(heads=2)
    for gate, dones in (
        ([[1.0, 0.0], [0.5, 0.5]], [False, True]),
        ([[0.0, 1.0], [0.2, 0.8]], [True, False]),
        ([[1.0, 0.0], [0.4, 0.6]], [False, True]),
    ):
        use.model.policy.gate_weights, use.locals["dones"] = torch.tensor(gate), np.array(dones)
        assert use._on_step()
    table = use.table()
    assert table["lane"].to_pylist() == [1, 0, 1]
    assert table["number"].to_pylist() == [0, 0, 1]
    assert table["length_steps"].to_pylist() == [1, 2, 2]
    assert table["head_0"].to_pylist() == pytest.approx([0.5, 0.5, 0.3])
    assert table["head_1"].to_pylist() == pytest.approx([0.5, 0.5, 0.7])

"""Comparison of what two programs computed for one model."""
import numpy as np


def off_by(what, ours, theirs, limit, floor=0.0):
    """Fails where an element is off by more than limit times the largest, and floor. Returns the largest difference
    over the largest element (over floor / limit where that is larger)."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape, f"{what}: {ours.shape} against {theirs.shape}"
    error, size = np.abs(ours - theirs).max(), np.abs(theirs).max()
    assert error <= limit * size + floor, f"{what}: off by {error:.3e}, the largest element is {size:.3e}"
    return error / max(size, floor / limit, 1e-300)


def gradients_off_by(what, ours, theirs, limit, precision=np.float64):
    """off_by for dictionaries of gradients, each tensor for itself. Returns the largest."""
    assert set(ours) == set(theirs), (what, set(ours) ^ set(theirs))
    norm = np.sqrt(sum((np.asarray(g, np.float64) ** 2).sum() for g in theirs.values()))
    # Some true gradients are zero, that of the key bias for one, which shifts all scores of a query alike: what is left
    # is the rounding of larger ones.
    floor = 8 * np.finfo(precision).eps * norm
    return max(off_by(f"{what} {name}", ours[name], theirs[name], limit, floor) for name in theirs)

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def gradient(W1, b1, W2, b2, X, y):
    n = len(y)
    h = np.tanh(X @ W1.T + b1)
    d2 = softmax(h @ W2.T + b2)
    d2[np.arange(n), y] -= 1
    d2 /= n
    d1 = (d2 @ W2) * h * (1 - h)
    return {
        "W1": d1.T @ X + 0.1 * W1,
        "b1": d1.sum(axis=0),
        "W2": d2.T @ h + 0.1 * W2,
        "b2": d2.sum(axis=0),
    }

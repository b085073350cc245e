import numpy as np


def gradient(params, data):
    W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
    X, y = data["x"], data["y"]
    n = len(y)
    dW1, db1, dW2, db2 = 0.1 * W1, 0 * b1, 0.1 * W2, 0 * b2
    for i in range(n - 1):
        h = np.tanh(W1 @ X[i] + b1)
        z = W2 @ h + b2
        p = np.exp(z - np.max(z))
        p = p / np.sum(p)
        p[y[i]] -= 1
        dW2 += np.outer(p, h) / n
        db2 += p / n
        back = (W2.T @ p) * (1 - h * h)
        dW1 += np.outer(back, X[i]) / n
        db1 += back / n
    return dW1, db1, dW2, db2

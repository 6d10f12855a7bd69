"""A network of two layers in NumPy alone: forward, backward and update are written by hand."""

import numpy as np

import rushlight as torch  # for the numbers to start with: those of the next two programs


def train(x, y, w1, w2, steps=500, learning_rate=1e-6):
    """Fits relu(x w1) w2 to y by gradient descent on the squared error; yields the loss of each step."""
    w1, w2 = w1.copy(), w2.copy()
    for _ in range(steps):
        # Forward: predict y.
        h = x.dot(w1)
        h_relu = np.maximum(h, 0)
        y_pred = h_relu.dot(w2)
        loss = np.square(y_pred - y).sum()
        yield loss

        # Backward: the chain rule, from the loss to the weights.
        grad_y_pred = 2.0 * (y_pred - y)
        grad_w2 = h_relu.T.dot(grad_y_pred)
        grad_h = grad_y_pred.dot(w2.T)
        grad_h[h < 0] = 0
        grad_w1 = x.T.dot(grad_h)

        # Update.
        w1 -= learning_rate * grad_w1
        w2 -= learning_rate * grad_w2


if __name__ == "__main__":
    N, D_in, H, D_out = 64, 1000, 100, 10  # items in the batch, then numbers in, hidden and out
    torch.manual_seed(0)
    x = torch.randn(N, D_in).numpy()
    y = torch.randn(N, D_out).numpy()
    w1 = torch.randn(D_in, H).numpy()
    w2 = torch.randn(H, D_out).numpy()

    for t, loss in enumerate(train(x, y, w1, w2), 1):
        if t % 100 == 0:
            print(t, loss)

"""The network of two layers with tensors in place of arrays; backward is still written by hand."""

import rushlight as torch


def train(x, y, w1, w2, steps=500, learning_rate=1e-6):
    """Fits relu(x w1) w2 to y by gradient descent on the squared error; yields the loss of each step."""
    w1, w2 = w1.clone(), w2.clone()
    for _ in range(steps):
        # Forward: predict y.
        h = x.mm(w1)
        h_relu = h.clamp(min=0)
        y_pred = h_relu.mm(w2)
        loss = (y_pred - y).pow(2).sum().item()
        yield loss

        # Backward: the chain rule, from the loss to the weights.
        grad_y_pred = 2.0 * (y_pred - y)
        grad_w2 = h_relu.t().mm(grad_y_pred)
        grad_h = grad_y_pred.mm(w2.t())
        grad_h[h < 0] = 0
        grad_w1 = x.t().mm(grad_h)

        # Update.
        w1 -= learning_rate * grad_w1
        w2 -= learning_rate * grad_w2


if __name__ == "__main__":
    N, D_in, H, D_out = 64, 1000, 100, 10  # items in the batch, then numbers in, hidden and out
    torch.manual_seed(0)
    x = torch.randn(N, D_in)
    y = torch.randn(N, D_out)
    w1 = torch.randn(D_in, H)
    w2 = torch.randn(H, D_out)

    for t, loss in enumerate(train(x, y, w1, w2), 1):
        if t % 100 == 0:
            print(t, loss)

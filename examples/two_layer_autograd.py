"""The network of two layers with autograd: you write the prediction, `backward()` finds the gradients."""

import rushlight as torch


def train(x, y, w1, w2, steps=500, learning_rate=1e-6):
    """Fits relu(x w1) w2 to y by gradient descent on the squared error; yields the loss of each step."""
    # What is computed from these two is recorded.
    w1 = w1.clone().requires_grad_()
    w2 = w2.clone().requires_grad_()
    for _ in range(steps):
        y_pred = x.mm(w1).clamp(min=0).mm(w2)
        loss = (y_pred - y).pow(2).sum()
        yield loss.item()

        # The gradients arrive in w1.grad and w2.grad.
        loss.backward()

        # An update is nothing to differentiate.
        with torch.no_grad():
            w1 -= learning_rate * w1.grad
            w2 -= learning_rate * w2.grad
            # Or the next gradients would be added to these.
            w1.grad.zero_()
            w2.grad.zero_()


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

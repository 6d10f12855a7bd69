"""A slider in the board's page sets the learning rate of a training that runs.

    python examples/board_slider.py

prints the board's address; open it (tab Panels), drag the slider, and see the loss answer. Ctrl-C ends it.
"""

import sys
import time

import rushlight as torch
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.board import Panel


def main(steps=None, pause=0.02, url=None, logdir="runs"):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x = torch.randn(256, 8)
    y = torch.sin(x.sum(1, keepdim=True))

    panel = Panel("slider", url, logdir=logdir)
    controls = panel.properties(
        [
            {"type": "slider", "name": "Learning rate", "value": 0.01, "min": 1e-4, "max": 1.0, "log": True},
            {"type": "checkbox", "name": "Train", "value": True},
        ],
        win="controls",
        opts={"title": "Controls"},
    )
    training = True

    def edited(event):
        nonlocal training
        if event["event_type"] == "PropertyUpdate" and event["propertyId"] == 0:
            optimizer.param_groups[0]["lr"] = float(event["value"])
        elif event["event_type"] == "PropertyUpdate":
            training = bool(event["value"])

    panel.register_event_handler(edited, controls)
    panel.line([[0.0]], [[0.0]], win="loss", opts={"title": "Loss", "legend": ["loss"], "xlabel": "step"})
    panel.line([[0.0]], [[0.01]], win="lr", opts={"title": "Learning rate", "legend": ["lr"], "ytype": "log"})
    step = 0
    while steps is None or step < steps:
        time.sleep(pause)
        if not training:
            continue
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        step += 1
        panel.line([loss.item()], [step], win="loss", name="loss", update="append")
        panel.line([optimizer.param_groups[0]["lr"]], [step], win="lr", name="lr", update="append")
    panel.end()
    print(f"step {step}: loss {loss.item():.4f} at learning rate {optimizer.param_groups[0]['lr']:g}")


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
    except KeyboardInterrupt:
        pass

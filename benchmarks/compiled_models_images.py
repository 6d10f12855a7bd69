"""Programs given to `compile` that see or make images: convolutions, plain, depthwise and transposed."""

from __future__ import annotations

from typing import Any

from .compiled_models import Program, answering, entropy, labelled, trained
from .models import normal


def lenet(m: Any) -> Program:
    """LeNet-5 with ReLU and max pooling: 28x28, batch 64, SGD with momentum."""
    nn = m.nn
    model = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )
    optimizer = m.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return trained(m, model, entropy(m, model), optimizer, labelled(m, 64, 1, 28, 28))


RESNET18 = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1)]
RESNET18 += [(128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
"""Channels before and after a block, and its stride."""


def conv_norm(m: Any, before: int, after: int, size: int, stride: int = 1, groups: int = 1) -> list[Any]:
    """A convolution without bias, and the batch norm after it."""
    conv = m.nn.Conv2d(before, after, size, stride, size // 2, groups=groups, bias=False)
    return [conv, m.nn.BatchNorm2d(after)]


def resnet18_model(m: Any) -> Any:
    """ResNet-18 for 32x32 images: a 3x3 stem, no first pooling."""
    nn = m.nn

    class Block(nn.Module):
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            second = conv_norm(m, after, after, 3)
            self.path = nn.Sequential(*conv_norm(m, before, after, 3, stride), nn.ReLU(), *second)
            same = stride == 1 and before == after
            self.shortcut = nn.Sequential(*([] if same else conv_norm(m, before, after, 1, stride)))

        def forward(self, x: Any) -> Any:
            return (self.path(x) + self.shortcut(x)).relu()

    blocks = (Block(*block) for block in RESNET18)
    end = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)
    return nn.Sequential(*conv_norm(m, 3, 64, 3), nn.ReLU(), *blocks, *end)


def resnet18(m: Any) -> Program:
    """ResNet-18 on 32 images of 32x32, SGD with momentum and decay."""
    model = resnet18_model(m)
    optimizer = m.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    return trained(m, model, entropy(m, model), optimizer, labelled(m, 32, 3, 32, 32))


def resnet18_answer(m: Any) -> Program:
    """ResNet-18 for one image of 32x32."""
    return answering(m, resnet18_model(m), normal(m, 1, 3, 32, 32))


MOBILE = [(32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1)]
MOBILE += [(256, 512, 2), (512, 512, 1)]
"""Channels before and after a depthwise separable block, and its stride."""


def mobile(m: Any) -> Program:
    """MobileNet's first seven blocks (each 3x3 depthwise, then 1x1) on 32 images of 32x32, momentum."""
    nn = m.nn

    def block(before: int, after: int, stride: int) -> list[Any]:
        depthwise = conv_norm(m, before, before, 3, stride, groups=before)
        return [*depthwise, nn.ReLU(), *conv_norm(m, before, after, 1), nn.ReLU()]

    parts = [part for sizes in MOBILE for part in block(*sizes)]
    end = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)
    model = nn.Sequential(*conv_norm(m, 3, 32, 3), nn.ReLU(), *parts, *end)
    optimizer = m.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return trained(m, model, entropy(m, model), optimizer, labelled(m, 32, 3, 32, 32))


def generator(m: Any, width: int = 64) -> Any:
    """DCGAN's: 100 numbers to a 3x32x32 image, by transposed convolutions."""
    nn = m.nn
    up = lambda before, after: nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)  # noqa: E731
    return nn.Sequential(
        *(nn.ConvTranspose2d(100, 4 * width, 4, 1, 0, bias=False), nn.BatchNorm2d(4 * width), nn.ReLU()),
        *(up(4 * width, 2 * width), nn.BatchNorm2d(2 * width), nn.ReLU()),
        *(up(2 * width, width), nn.BatchNorm2d(width), nn.ReLU(), up(width, 3), nn.Tanh()),
    )


def discriminator(m: Any, width: int = 64) -> Any:
    """DCGAN's: a 3x32x32 image to the logit of its being real."""
    nn = m.nn
    down = lambda before, after: nn.Conv2d(before, after, 4, 2, 1, bias=False)  # noqa: E731
    return nn.Sequential(
        *(down(3, width), nn.LeakyReLU(0.2)),
        *(down(width, 2 * width), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)),
        *(down(2 * width, 4 * width), nn.BatchNorm2d(4 * width), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(4 * width, 1, 4, bias=False), nn.Flatten()),
    )


def dcgan(m: Any) -> Program:
    """A step of the discriminator, then one of the generator: batch 32, Adam for both."""
    make, judge = generator(m), discriminator(m)
    of_make, of_judge = (
        m.optim.Adam(model.parameters(), lr=2e-4, betas=(0.5, 0.999)) for model in (make, judge)
    )
    bce = m.nn.BCEWithLogitsLoss()

    def step(real: Any, noise: Any) -> Any:
        yes, no = m.ones(len(real), 1), m.zeros(len(real), 1)
        fake = make(noise)
        of_judge.zero_grad()
        judged = bce(judge(real), yes) + bce(judge(fake.detach()), no)
        judged.backward()
        of_judge.step()
        of_make.zero_grad()
        made = bce(judge(fake), yes)
        made.backward()
        of_make.step()
        return judged + made

    state = {"make." + k: v for k, v in make.state_dict().items()} | judge.state_dict()
    return Program(step, (normal(m, 32, 3, 32, 32).tanh(), normal(m, 32, 100, 1, 1)), state)

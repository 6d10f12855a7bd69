"""Programs given to `compile` that read sequences: a GPT, trained or asked for a token, and an LSTM."""

from __future__ import annotations

from typing import Any

from .compiled_models import Program, trained
from .models import classes

VOCABULARY, LENGTH, WIDTH, HEADS, LAYERS = 65, 256, 384, 6, 6  # nanoGPT's for Shakespeare's characters
WORDS, UNITS, BPTT = 10_000, 200, 35  # Penn Treebank's vocabulary


def gpt_model(m: Any) -> Any:
    """NanoGPT's: pre-norm blocks, the embedding tied to the head; with caches it reads one token."""
    nn, F = m.nn, m.nn.functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.attention, self.projection = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

        def forward(self, x: Any, place: Any, mask: Any, cache: Any) -> Any:
            batch, length, _ = x.shape
            parts = self.attention(self.ln_1(x)).split(WIDTH, dim=2)
            q, k, v = (p.view(batch, length, HEADS, WIDTH // HEADS).transpose(1, 2) for p in parts)
            if cache is not None:
                keys, values = cache
                keys[:, :, place], values[:, :, place] = k, v
                k, v = keys, values
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
            x = x + self.projection(y.transpose(1, 2).reshape(batch, length, WIDTH))
            return x + self.mlp(self.ln_2(x))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
            self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
            self.ln = nn.LayerNorm(WIDTH)
            self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
            for p in self.parameters():
                if p.dim() > 1:
                    nn.init.normal_(p, std=0.02)
            self.head.weight = self.tokens.weight

        def forward(self, tokens: Any, place: Any, mask: Any = None, caches: Any = None) -> Any:
            x = self.tokens(tokens) + self.positions(place)
            for block, cache in zip(self.blocks, caches or [None] * LAYERS):
                x = block(x, place, mask, cache)
            return self.head(self.ln(x))

    return GPT()


def gpt(m: Any, batch: int = 4) -> Program:
    """The training step: clipped gradients, AdamW."""
    model, F = gpt_model(m), m.nn.functional
    optimizer = m.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)

    def loss(x: Any, y: Any) -> Any:
        return F.cross_entropy(model(x, m.arange(LENGTH)).view(-1, VOCABULARY), y.view(-1))

    data = classes(m, batch, LENGTH, below=65), classes(m, batch, LENGTH, below=64)
    return trained(m, model, loss, optimizer, data, clip=1.0)


def gpt_token(m: Any) -> Program:
    """One token more: its key and value are written into the caches at `place`, and it sees those before."""
    model = gpt_model(m).eval()
    room = 1, HEADS, LENGTH, WIDTH // HEADS
    caches = [(m.zeros(room), m.zeros(room)) for _ in range(LAYERS)]
    seen = m.ones(LENGTH, LENGTH).tril().bool()

    def step(token: Any, place: Any) -> tuple[Any, Any]:
        with m.no_grad():
            logits = model(token, place, seen[place], caches)
            return logits, (place + 1) % LENGTH

    data = classes(m, 1, 1, below=VOCABULARY), m.tensor([LENGTH // 2])
    return Program(step, data, model.state_dict(), carries=True)


def lstm(m: Any, batch: int = 20) -> Program:
    """A word language model: 2 layers 200 wide, 35 words, hidden state carried on, clipped plain SGD."""
    nn, F = m.nn, m.nn.functional

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.rnn = nn.Embedding(WORDS, UNITS), nn.LSTM(UNITS, UNITS, 2)
            self.decoder = nn.Linear(UNITS, WORDS)
            for weight in (self.encoder.weight, self.decoder.weight):
                nn.init.uniform_(weight, -0.1, 0.1)

        def forward(self, text: Any, hidden: Any) -> tuple[Any, Any]:
            output, hidden = self.rnn(self.encoder(text), hidden)
            return self.decoder(output).view(-1, WORDS), hidden

    model = Model()
    optimizer = m.optim.SGD(model.parameters(), lr=1.0)

    def step(x: Any, y: Any, hidden: tuple[Any, Any]) -> tuple[Any, tuple[Any, ...]]:
        optimizer.zero_grad()
        output, hidden = model(x, hidden)
        loss = F.cross_entropy(output, y)
        loss.backward()
        m.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()
        return loss, tuple(h.detach() for h in hidden)

    words, following = classes(m, BPTT, batch, below=WORDS), classes(m, BPTT * batch, below=WORDS - 1)
    hidden = m.zeros(2, batch, UNITS), m.zeros(2, batch, UNITS)
    return Program(step, (words, following, hidden), model.state_dict(), carries=True)

"""Golden numbers of training: losses, gradients and 20 AdamW steps of PyTorch, for tests/engine_golden.rs.

    python tests/golden/training.py > tests/golden/training.json      (needs torch; made with 2.x on the CPU)

Two small decoders in plain PyTorch: Llama's design (RMS norm, rotary, SwiGLU, grouped queries, tied) and GPT-2's
(layer norm, learned positions, GELU by tanh, biases). Weights, ids and adapters follow from formulas that the test
repeats, so that nothing but results needs to be stored.
"""

import json
import math

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float32)
V, C, D, LAYERS, HEADS, KV, HD, FF = 40, 32, 24, 2, 4, 2, 6, 40
ROWS, COLUMNS, STEPS = 3, 10, 20
RANK, ALPHA, VIRTUAL = 3, 6.0, 4
RATE, WARMUP, DECAY, CLIP = 0.002, 3, 0.1, 0.05


def wave(name, shape, size):
    """size · sin(0.7 i + length of the name + 1), i counting elements row by row."""
    count = math.prod(shape)
    i = torch.arange(count, dtype=torch.float64)
    return (size * torch.sin(0.7 * i * (1 + 0.01 * len(name)) + len(name) + 1)).float().reshape(shape)


def base(family):
    gpt = family == "gpt2"
    kv = (HEADS if gpt else KV) * HD
    shapes = {"embed.weight": (V, D)}
    if gpt:
        shapes["positions.weight"] = (C, D)
    linear = {"attention.query": (D, HEADS * HD), "attention.key": (D, kv), "attention.value": (D, kv),
              "attention.out": (HEADS * HD, D), "mlp.up": (D, FF), "mlp.down": (FF, D)}
    if not gpt:
        linear["mlp.gate"] = (D, FF)
    for i in range(LAYERS):
        for name, shape in linear.items():
            shapes[f"blocks.{i}.{name}.weight"] = shape
            if gpt:
                shapes[f"blocks.{i}.{name}.bias"] = shape[1:]
        for norm in ("norm_attention", "norm_mlp"):
            shapes[f"blocks.{i}.{norm}.weight"] = (D,)
            if gpt:
                shapes[f"blocks.{i}.{norm}.bias"] = (D,)
    shapes["norm.weight"] = (D,)
    if gpt:
        shapes["norm.bias"] = (D,)
    tensors = {}
    for name, shape in shapes.items():
        one = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        size = 0.3 if len(shape) == 2 else 0.1
        tensors[name] = one + wave(name, shape, size)
    return tensors


def linear(p, name, x):
    y = x @ p[f"{name}.weight"]
    if f"{name}.bias" in p:
        y = y + p[f"{name}.bias"]
    if f"{name}.lora_a" in p:
        y = y + (ALPHA / RANK) * (x @ p[f"{name}.lora_a"] @ p[f"{name}.lora_b"])
    return y


def norm(p, name, x):
    if f"{name}.bias" in p:
        return F.layer_norm(x, (D,), p[f"{name}.weight"], p[f"{name}.bias"], 1e-5)
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * p[f"{name}.weight"]


def rotate(x):  # [B, H, T, HD]
    half = HD // 2
    angles = torch.arange(x.shape[2], dtype=torch.float64)[:, None] * 10000.0 ** (-torch.arange(half) / half)
    cos, sin = angles.cos().float(), angles.sin().float()
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def logits(p, ids, family):
    gpt = family == "gpt2"
    x = p["embed.weight"][ids]
    first = 0
    if "prompt" in p:
        first = VIRTUAL
        x = torch.cat([p["prompt"].expand(ids.shape[0], VIRTUAL, D), x], 1)
    T = x.shape[1]
    if gpt:
        x = x + p["positions.weight"][:T]
    mask = torch.full((T, T), float("-inf")).triu(1)
    for i in range(LAYERS):
        b = f"blocks.{i}"
        h = norm(p, f"{b}.norm_attention", x)
        split = lambda t, n: t.reshape(t.shape[0], T, n, HD).transpose(1, 2)
        kv = HEADS if gpt else KV
        q = split(linear(p, f"{b}.attention.query", h), HEADS)
        k = split(linear(p, f"{b}.attention.key", h), kv)
        v = split(linear(p, f"{b}.attention.value", h), kv)
        if not gpt:
            q, k = rotate(q), rotate(k)
            k, v = k.repeat_interleave(HEADS // KV, 1), v.repeat_interleave(HEADS // KV, 1)
        weights = (q @ k.transpose(2, 3) / math.sqrt(HD) + mask).softmax(-1)
        mixed = (weights @ v).transpose(1, 2).reshape(x.shape[0], T, HEADS * HD)
        x = x + linear(p, f"{b}.attention.out", mixed)
        h = norm(p, f"{b}.norm_mlp", x)
        up = linear(p, f"{b}.mlp.up", h)
        up = F.gelu(up, approximate="tanh") if gpt else F.silu(linear(p, f"{b}.mlp.gate", h)) * up
        x = x + linear(p, f"{b}.mlp.down", up)
    return norm(p, "norm", x)[:, first:] @ p["embed.weight"].T


def rate(step):
    """TrainConfig::rate with warmup 0.15 of 20 steps and a cosine to a tenth."""
    if step < WARMUP:
        return RATE * (step + 1) / WARMUP
    progress = (step - WARMUP) / (STEPS - WARMUP)
    return RATE * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * progress)))


def adapters(method, tensors):
    if method == "full":
        return dict(tensors)
    if method == "prompt":
        return {"prompt": wave("prompt", (VIRTUAL, D), 0.3)}
    trained = {}
    for name, weight in tensors.items():
        if name.startswith("blocks") and weight.ndim == 2:
            layer = name.removesuffix(".weight")
            trained[f"{layer}.lora_a"] = wave(f"{layer}.lora_a", (weight.shape[0], RANK), 0.2)
            trained[f"{layer}.lora_b"] = torch.zeros(RANK, weight.shape[1])
    return trained


def run(family, method):
    tensors = base(family)
    trained = {name: value.clone().requires_grad_() for name, value in adapters(method, tensors).items()}
    decays = lambda n: n.startswith("blocks.") and not n.endswith(".bias") and "norm" not in n
    groups = [{"params": [t for n, t in trained.items() if decays(n)], "weight_decay": DECAY},
              {"params": [t for n, t in trained.items() if not decays(n)], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=RATE)
    i = torch.arange(ROWS * (COLUMNS + 1))
    ids = ((i * 7 + i // 5) % V).reshape(ROWS, COLUMNS + 1)
    inputs, targets = ids[:, :-1], ids[:, 1:]
    counts = torch.arange(COLUMNS)[None] >= torch.tensor([2, 4, 6])[:, None]
    losses, norms, clipped = [], {}, []
    for step in range(STEPS):
        p = {**tensors, **trained}
        nats = F.cross_entropy(logits(p, inputs, family).reshape(-1, V), targets.reshape(-1), reduction="none")
        loss = nats[counts.reshape(-1)].mean()
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            norms = {name: t.grad.norm().item() for name, t in trained.items()}
        total = torch.nn.utils.clip_grad_norm_(list(trained.values()), CLIP)
        clipped.append(total.item() > CLIP)
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.step()
        losses.append(loss.item())
    after = {name: t.detach().norm().item() for name, t in trained.items()}
    assert any(clipped), "the clip must bite for the numbers to say anything of it"
    return {"losses": losses, "gradient_norms": norms, "norms_after": after}


print(json.dumps({f: {m: run(f, m) for m in ("full", "lora", "prompt")} for f in ("llama", "gpt2")}, indent=1))

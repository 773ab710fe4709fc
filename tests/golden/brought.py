"""Makes tests/golden/brought/: what transformers and peft make of files as people bring them, for tests/hub_brought.rs.

    pip install torch transformers peft
    python tests/golden/brought.py

configs.json: configs with fields under other names, in other places or absent, and what transformers reads; null where it
refuses them. adapters.json: settings put into tests/golden/hub/llama/lora, and the last logits that peft computes. special/: a
model whose tokenizer begins every text with a token, with files beside it that name tokens; ids, losses, and where generation
stops.
Made with torch 2.15.0, transformers 5.24.0, peft 0.21.2, tokenizers 0.23.3 on a CPU.
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
import transformers
from peft import PeftModel

HERE = Path(__file__).parent / "brought"
HUB = Path(__file__).parent / "hub"
torch.set_num_threads(1)

GPT2 = dict(model_type="gpt2", vocab_size=64, n_positions=32, n_embd=24, n_layer=2, n_head=2)
NEO = dict(model_type="gpt_neo", vocab_size=64, max_position_embeddings=32, hidden_size=24, num_layers=2, num_heads=2,
           window_size=4, attention_types=[[["global", "local"], 1]])
NEOX = dict(model_type="gpt_neox", vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=40)
LLAMA = dict(model_type="llama", vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
             intermediate_size=40)
QWEN2 = dict(LLAMA, model_type="qwen2", num_key_value_heads=2)
QWEN3 = dict(QWEN2, model_type="qwen3")


def without(config, *names):
    return {name: value for name, value in config.items() if name not in names}


CONFIGS = [
    GPT2,
    dict(without(GPT2, "n_head"), num_attention_heads=4),
    dict(without(GPT2, "n_head", "n_embd", "n_layer", "n_positions"), num_attention_heads=4, hidden_size=48,
         num_hidden_layers=3, max_position_embeddings=16),
    dict(GPT2, num_attention_heads=4),
    without(GPT2, "n_head"),
    dict(GPT2, activation_function="gelu_python_tanh", n_inner=20),
    dict(GPT2, activation_function="gelu"),
    NEO,
    dict(without(NEO, "num_heads"), num_attention_heads=4),
    dict(without(NEO, "num_heads", "num_layers"), num_attention_heads=4, num_hidden_layers=2),
    dict(without(NEO, "attention_types")),
    dict(without(NEO, "attention_types"), num_layers=24),
    NEOX,
    dict(NEOX, rotary_emb_base=500, rotary_pct=0.5),
    dict(NEOX, rope_scaling=dict(type="default", rope_theta=700.0, partial_rotary_factor=1.0)),
    dict(NEOX, rope_parameters=dict(rope_type="default", rope_theta=700.0, partial_rotary_factor=0.5), rotary_pct=1.0),
    dict(NEOX, rope_theta=700.0),
    dict(without(NEOX, "num_attention_heads"), hidden_size=512),
    LLAMA,
    dict(LLAMA, rope_theta=500.0),
    dict(LLAMA, rope_scaling=dict(rope_type="default", rope_theta=500.0)),
    dict(LLAMA, rope_scaling=dict(rope_type="default", rope_theta=500.0), rope_theta=700.0),
    dict(LLAMA, rope_scaling=dict(rope_type="default"), rope_theta=700.0),
    dict(LLAMA, rope_parameters=dict(rope_type="default", rope_theta=500.0), rope_theta=700.0),
    dict(LLAMA, rope_scaling=dict(rope_type="default", rope_theta=500.0), rope_parameters=dict(rope_type="default", rope_theta=9.0)),
    dict(LLAMA, rope_scaling={}, rope_parameters=dict(rope_type="default", rope_theta=9.0)),
    dict(LLAMA, rope_scaling=None, rope_theta=700.0),
    dict(without(LLAMA, "num_attention_heads"), hidden_size=128),
    dict(LLAMA, num_key_value_heads=None, head_dim=None, hidden_act="swish", tie_word_embeddings=True),
    without(LLAMA, "vocab_size", "intermediate_size", "num_hidden_layers"),
    QWEN2,
    dict(without(QWEN2, "num_key_value_heads"), num_attention_heads=32, hidden_size=64),
    dict(QWEN2, num_key_value_heads=None),
    dict(QWEN2, use_sliding_window=True, max_window_layers=1),
    dict(QWEN2, use_sliding_window=True, max_window_layers=0, sliding_window=5),
    dict(QWEN2, use_sliding_window=True, max_window_layers=1, sliding_window=None),
    dict(QWEN2, use_sliding_window=True, sliding_window=3, layer_types=["sliding_attention", "full_attention"]),
    dict(QWEN2, use_sliding_window=False, sliding_window=3, max_window_layers=0),
    QWEN3,
    dict(QWEN3, head_dim=16, rope_scaling=dict(type="default", rope_theta=1e6)),
    without(QWEN3, "vocab_size", "intermediate_size"),
]


def read(config):
    """What a model of the config computes with."""
    try:
        found = transformers.AutoConfig.for_model(**config)
    except Exception:
        return None
    heads, d = found.num_attention_heads, found.hidden_size
    rope = getattr(found, "rope_parameters", None)
    inner = getattr(found, "intermediate_size", None) or getattr(found, "n_inner", None) or 4 * d
    kinds = getattr(found, "layer_types", None) or getattr(found, "attention_layers", None) or []
    window = getattr(found, "sliding_window", None) or getattr(found, "window_size", None)
    return dict(
        vocab_size=found.vocab_size, context=found.max_position_embeddings, d_model=d, layers=found.num_hidden_layers,
        heads=heads, kv_heads=getattr(found, "num_key_value_heads", None) or heads,
        head_dim=getattr(found, "head_dim", None) or d // heads, d_ff=inner,
        theta=rope and rope["rope_theta"], fraction=rope and rope.get("partial_rotary_factor", 1.0),
        tied=found.tie_word_embeddings,
        windows=[window if "sliding" in kind or kind == "local" else None for kind in kinds],
    )


ADAPTERS = [
    {},
    {"alpha_pattern": {".*layers\\.1\\..*(q_proj|v_proj)": 9}},
    {"alpha_pattern": {"q_proj": 9, "layers.0.self_attn.q_proj": 3}},
    {"alpha_pattern": {"layers.0.self_attn.q_proj": 3, "q_proj": 9}},
    {"alpha_pattern": {"^model.layers.0.mlp.*": 7, "proj": 100, "(?!k_proj)[a-z]_proj": 5}},
    {"alpha_pattern": {"up_proj|down_proj": 1.5}, "use_rslora": True},
    {"lora_alpha": 3, "init_lora_weights": "eva", "eva_config": {"rho": 2.0}},
    {"init_lora_weights": "gaussian"},
    {"init_lora_weights": "orthogonal"},
    {"init_lora_weights": False},
    {"target_modules": "all-linear"},
    {"target_modules": r".*\.(self_attn|mlp)\.\w+_proj"},
    {"fan_in_fan_out": True, "exclude_modules": ["lm_head"]},
    {"layers_to_transform": [0, 1]},
    {"rank_pattern": {".*q_proj": 2}, "r": 2},
]
IDS = [[3, 17, 42, 5, 5, 60, 1, 33, 20, 9, 11, 50]]


def adapter(settings):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder) / "lora"
        shutil.copytree(HUB / "llama" / "lora", folder)
        path = folder / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
        base = transformers.AutoModelForCausalLM.from_pretrained(HUB / "llama", dtype=torch.float32)
        model = PeftModel.from_pretrained(base, folder).eval()
        with torch.no_grad():
            return model(torch.tensor(IDS)).logits[0, -1, :12].tolist()


EXAMPLES = [("the cat", " sat on the mat"), ("", "the dog sat there"), ("def f(x):", " return x + 1"), ("Hello", ", world!")]


def special():
    folder = HERE / "special"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(vocab_size=394, max_position_embeddings=64, hidden_size=8, num_hidden_layers=1,
                                      num_attention_heads=2, intermediate_size=16, bos_token_id=1, eos_token_id=2,
                                      pad_token_id=None, tie_word_embeddings=True)
    model = transformers.AutoModelForCausalLM.from_config(config)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (0.3 if parameter.dim() > 1 else 0.1)
                            + (parameter.dim() == 1))
    model.to(torch.float16).save_pretrained(folder)
    shutil.copy(HUB / "tokenizers" / "llama.json", folder / "tokenizer.json")
    # The beginning is named in one file, a turn's end in another, and a token is in neither vocabulary.
    files = {
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "pad_token": "[PAD]",
                                  "chat_template": "{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"},
        "special_tokens_map.json": {"bos_token": "<s>", "eos_token": {"content": "<turn>", "lstrip": False, "rstrip": False,
                                                                     "normalized": False, "single_word": False},
                                    "additional_special_tokens": ["<extra>"]},
    }
    for name, json_of in files.items():
        (folder / name).write_text(json.dumps(json_of, indent=1))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    eos = 2
    plain = lambda text: tokenizer(text, add_special_tokens=False).input_ids
    examples = []
    for prompt, completion in EXAMPLES:
        before = (tokenizer(prompt).input_ids if prompt else [tokenizer.bos_token_id])
        after = plain(completion) + [eos]
        ids = torch.tensor([before + after])
        with torch.no_grad():
            logits = model(ids).logits[0, len(before) - 1:-1]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(after)).item()
        examples.append({"prompt": prompt, "completion": completion, "ids": before + after, "target_start": len(before),
                         "nats_per_token": loss})
    texts = ["the cat", "", " a <turn> b", "x<extra>y [PAD]</s>", "<s>"]
    start = tokenizer("the cat", return_tensors="pt")
    with torch.no_grad():
        long = model.generate(**start, max_new_tokens=24, do_sample=False, eos_token_id=None, pad_token_id=0)[0].tolist()
    # What is generated fifth ends it, once the settings of generation say so.
    stop = long[start.input_ids.shape[1] + 4]
    (folder / "generation_config.json").write_text(json.dumps({"bos_token_id": 1, "eos_token_id": [stop, 300]}))
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        short = model.generate(**start, max_new_tokens=24, do_sample=False, pad_token_id=0)[0].tolist()
    chat = [{"role": "user", "content": "the cat"}, {"role": "assistant", "content": "sat"}]
    (folder / "golden.json").write_text(json.dumps({
        "examples": examples, "whole": [{"text": text, "ids": tokenizer(text).input_ids} for text in texts],
        "chat": tokenizer.apply_chat_template(chat, tokenize=False), "prompt": "the cat", "generated": short,
    }, indent=1))


if __name__ == "__main__":
    configs = [{"config": config, "read": read(dict(config))} for config in CONFIGS]
    HERE.mkdir(exist_ok=True)
    (HERE / "configs.json").write_text("[\n" + ",\n".join(map(json.dumps, configs)) + "\n]\n")
    adapters = [{"settings": settings, "logits": adapter(settings)} for settings in ADAPTERS]
    (HERE / "adapters.json").write_text("[\n" + ",\n".join(map(json.dumps, adapters)) + "\n]\n")
    special()
    print(len(configs), "configs,", sum(config["read"] is None for config in configs), "refused;", len(adapters), "adapters")

"""Makes the golden files of tests/hub_*.rs: tiny random checkpoints of each family and what PyTorch computes of them.

    pip install torch transformers peft
    python tests/golden/hub.py

Writes tests/golden/hub/FAMILY/: the checkpoint (config.json and weights as transformers saves them), `lora/` and
`prompt/` (as peft saves them), golden.safetensors (logits, gradients) and golden.json (ids, losses, generated
tokens). And tests/golden/hub/tokenizers/: three kinds of tokenizer with the ids of nasty strings.
Made with torch 2.15.0, transformers 5.23.0, peft 0.21.2, tokenizers 0.23.3 on a CPU.
"""

import json
import shutil
from pathlib import Path

import torch
import transformers
from peft import LoraConfig, PeftModel, PromptTuningConfig, get_peft_model
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent / "hub"
VOCAB, LAYERS, D, STEPS = 272, 2, 16, 20
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

ENDS = dict(bos_token_id=0, eos_token_id=0, pad_token_id=None)

# Every family with settings that tell apart what could be confused: grouped heads, windows shorter than the text,
# partial rotation, head sizes that are not d / heads.
FAMILIES = {
    "gpt2": (transformers.GPT2Config(vocab_size=VOCAB, n_positions=32, n_embd=D, n_layer=LAYERS, n_head=2,
                                     resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, **ENDS),
             ["c_attn", "c_proj", "c_fc"], ["c_attn"], torch.float32, None),
    "gpt_neo": (transformers.GPTNeoConfig(vocab_size=VOCAB, max_position_embeddings=32, hidden_size=D, num_layers=LAYERS,
                                          num_heads=2, intermediate_size=48, window_size=4,
                                          attention_types=[[["global", "local"], 1]], **ENDS),
                ["q_proj", "k_proj", "v_proj", "out_proj", "c_fc", "c_proj"], [], torch.float32, None),
    "gpt_neox": (transformers.GPTNeoXConfig(vocab_size=VOCAB, max_position_embeddings=32, hidden_size=D,
                                            num_hidden_layers=LAYERS, num_attention_heads=2, intermediate_size=40,
                                            rope_parameters=dict(rope_type="default", rope_theta=10000.0,
                                                                 partial_rotary_factor=0.5),
                                            **ENDS),
                 ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"], ["query_key_value"], torch.float16, None),
    "llama": (transformers.LlamaConfig(vocab_size=VOCAB, max_position_embeddings=32, hidden_size=D, head_dim=8,
                                       num_hidden_layers=LAYERS, num_attention_heads=4, num_key_value_heads=2,
                                       intermediate_size=40, rms_norm_eps=1e-5, tie_word_embeddings=False, **ENDS),
              ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], [], torch.bfloat16, "14KB"),
    "qwen2": (transformers.Qwen2Config(vocab_size=VOCAB, max_position_embeddings=32, hidden_size=D,
                                       num_hidden_layers=LAYERS, num_attention_heads=4, num_key_value_heads=1,
                                       intermediate_size=40, tie_word_embeddings=True, use_sliding_window=True,
                                       sliding_window=4, max_window_layers=1, **ENDS),
              ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], [], torch.bfloat16, None),
    "qwen3": (transformers.Qwen3Config(vocab_size=VOCAB, max_position_embeddings=32, hidden_size=D, head_dim=8,
                                       num_hidden_layers=LAYERS, num_attention_heads=4, num_key_value_heads=2,
                                       intermediate_size=40, tie_word_embeddings=True,
                                       rope_parameters=dict(rope_type="default", rope_theta=1e6), **ENDS),
              ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], [], torch.float16, None),
}


def randomise(model, seed):
    """Numbers large enough that every part matters: norms away from 1, biases away from 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1 and "weight" in name:
                parameter.copy_(1 + 0.2 * noise)
            else:
                parameter.copy_(0.2 * noise)


def batch():
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, VOCAB, (2, 13), generator=generator)
    inputs, targets = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
    weights = torch.ones(2, 12)
    weights[0, :4] = 0  # a prompt
    weights[1, 9:] = 0  # padding
    return inputs, targets, weights


def loss_of(logits, targets, weights):
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return (losses * weights.flatten()).sum() / weights.sum()


def logits_of(model, inputs):
    # Prompt tuning puts its virtual tokens before the text: only the text's positions count.
    return model(input_ids=inputs, attention_mask=torch.ones_like(inputs)).logits[:, -inputs.shape[1]:]


def steps(model, rate):
    """AdamW with PyTorch's defaults but no weight decay, clipped by global norm, on one batch."""
    inputs, targets, weights = batch()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=0.0)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(logits_of(model, inputs), targets, weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def fresh(folder):
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")


def adapted(folder, kind):
    # peft refuses to load a prompt as trainable, so what is trained is switched on by hand.
    model = PeftModel.from_pretrained(fresh(folder), folder / kind)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name or "prompt_encoder" in name)
    return model


def family(name, config, targets_of_lora, fused, dtype, shard):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config)
    randomise(model, 2)
    model.tie_weights()
    model.to(dtype).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    (folder / "generation_config.json").unlink(missing_ok=True)

    inputs, targets, weights = batch()
    tensors, numbers = {}, {"inputs": inputs.tolist(), "targets": targets.tolist(), "weights": weights.tolist()}

    model = fresh(folder)
    model.eval()
    with torch.no_grad():
        logits = logits_of(model, inputs)
    tensors["logits"] = logits
    numbers["loss"] = loss_of(logits, targets, weights).item()
    with torch.no_grad():
        start = inputs[:1, :5]
        generated = model.generate(start, attention_mask=torch.ones_like(start), max_new_tokens=16, do_sample=False,
                                   eos_token_id=None, pad_token_id=0)
    numbers["generated"] = generated[0, 5:].tolist()
    numbers["full_steps"] = steps(model, 1e-3)

    for rslora in (False, True):
        kind = "rslora" if rslora else "lora"
        lora = get_peft_model(fresh(folder), LoraConfig(r=2, lora_alpha=4, target_modules=targets_of_lora,
                                                                lora_dropout=0.0, task_type="CAUSAL_LM",
                                                                use_rslora=rslora, fan_in_fan_out=name == "gpt2"))
        generator = torch.Generator().manual_seed(3 + rslora)
        with torch.no_grad():
            for parameter in lora.parameters():
                if parameter.requires_grad:
                    parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
        lora.save_pretrained(folder / kind)
        (folder / kind / "README.md").unlink(missing_ok=True)
        lora = adapted(folder, kind)
        logits = logits_of(lora, inputs)
        tensors[f"{kind}.logits"] = logits.detach()
        loss = loss_of(logits, targets, weights)
        numbers[f"{kind}_loss"] = loss.item()
        if not rslora:
            loss.backward()
            for key, parameter in lora.named_parameters():
                if parameter.requires_grad:
                    tensors[f"lora.gradient.{key.replace('.default', '')}"] = parameter.grad.clone()
            # Ours adapts query, key and value apart where the family fuses them: the same function, another
            # parametrisation, so other steps. Train what is parametrised alike.
            lora = adapted(folder, kind)
            with torch.no_grad():
                for key, parameter in lora.named_parameters():
                    if "lora_" in key and any(f".{part}." in key for part in fused):
                        parameter.requires_grad_(False).zero_()
            numbers["lora_steps"] = steps(lora, 1e-2)

    prompt = get_peft_model(fresh(folder), PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"))
    with torch.no_grad():
        weight = prompt.prompt_encoder.default.embedding.weight
        weight.copy_(0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(5)))
    prompt.save_pretrained(folder / "prompt")
    (folder / "prompt" / "README.md").unlink(missing_ok=True)
    prompt = adapted(folder, "prompt")
    logits = logits_of(prompt, inputs)
    tensors["prompt.logits"] = logits.detach()
    loss = loss_of(logits, targets, weights)
    numbers["prompt_loss"] = loss.item()
    loss.backward()
    tensors["prompt.gradient"] = prompt.prompt_encoder.default.embedding.weight.grad.clone()
    numbers["prompt_steps"] = steps(adapted(folder, "prompt"), 3e-2)

    # One row of logits is enough to tell a wrong model, and half the size.
    tensors = {key: (value[:1] if key.endswith("logits") else value).contiguous() for key, value in tensors.items()}
    save_file(tensors, folder / "golden.safetensors")
    (folder / "golden.json").write_text(json.dumps(numbers))
    # The adapters' configs name the folder they were made in, and change from run to run.
    for path in folder.glob("*/adapter_config.json"):
        settings = json.loads(path.read_text())
        settings["base_model_name_or_path"] = name
        if settings.get("target_modules"):
            settings["target_modules"].sort()  # a set, written in any order
        path.write_text(json.dumps(settings, indent=1))


NASTY = [
    "", " ", "   leading and   inner  spaces ", "\n\n\t\r\n", "Hello, world! It's 12345 o'clock.", "don't I'll WE'VE",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇪🇺 e\u0301 é", "漢字かな交じり文、한국어", "עברית مرحبا", "\x00\x01\x07\x1b[0m\x7f", "\u200b\u202e\ufeff\u00a0\u3000",
    "x" * 700, "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|", "Ⅷ ﬁ ½ ﷺ", "𝕬𝖇𝖈 \U0010ffff", "the cat sat on the mat",
    "def f(x):\n\treturn x**2  # ok\n", "1,234.56e-7", "\\n \\u0041 \"quoted\" 'single'", "▁metaspace ▁▁", "é" * 50,
]
TEXT = ["the cat sat on the mat and the dog sat there", "def f(x): return x + 1", "Hello, world! It's 1234",
        "  spaces   and\nlines\n\n", "é漢字👩"] * 20


def tokenizers():
    folder = HERE / "tokenizers"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    byte_trainer = lambda: trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=["<|endoftext|>"], show_progress=False,
                                               initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    gpt2 = Tokenizer(models.BPE())
    gpt2.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    gpt2.post_processor = processors.ByteLevel(trim_offsets=False)
    gpt2.decoder = decoders.ByteLevel()
    gpt2.train_from_iterator(TEXT, byte_trainer())

    from tokenizers import Regex
    qwen = Tokenizer(models.BPE())
    qwen.normalizer = normalizers.NFC()
    pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
               r"|\s+(?!\S)|\s+")
    qwen.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    qwen.decoder = decoders.ByteLevel()
    qwen.train_from_iterator(TEXT, byte_trainer())

    # Llama 2's kind: metaspace, bytes for what has no piece, a beginning-of-text token.
    llama = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    llama.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    llama.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                       decoders.Strip(" ", 1, 0)])
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    llama.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=330, special_tokens=special[:3], show_progress=False))
    state = json.loads(llama.to_str())
    merged = [piece for piece in state["model"]["vocab"] if piece not in special]
    state["model"]["vocab"] = {piece: i for i, piece in enumerate(special + merged)}
    state["added_tokens"] = [dict(token, id=special.index(token["content"])) for token in state["added_tokens"]]
    llama = Tokenizer.from_str(json.dumps(state))
    llama.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])

    golden = {}
    for name, tokenizer in {"gpt2": gpt2, "qwen": qwen, "llama": llama}.items():
        tokenizer.save(str(folder / f"{name}.json"), pretty=False)
        golden[name] = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids,
                         "with_special": tokenizer.encode(text).ids,
                         "decoded": tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids,
                                                     skip_special_tokens=False)} for text in NASTY]
    (folder / "golden.json").write_text(json.dumps(golden))


if __name__ == "__main__":
    tokenizers()
    for name, settings in FAMILIES.items():
        family(name, *settings)
        print(name, "done")

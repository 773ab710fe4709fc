"""Loads models and adapters that the lab wrote with transformers and peft, and says their logits.

Reads a JSON list of {"base": DIR, "adapter": DIR or null, "ids": [...]} from stdin; writes a list of logits, each
flat `[positions · vocab]`. Called by tests/hub_python.rs.
"""

import json
import sys

import torch
import transformers
from peft import PeftModel

torch.set_num_threads(1)
answers = []
for case in json.load(sys.stdin):
    model = transformers.AutoModelForCausalLM.from_pretrained(case["base"], dtype=torch.float32, attn_implementation="eager")
    if case["adapter"]:
        model = PeftModel.from_pretrained(model, case["adapter"])
    ids = torch.tensor([case["ids"]])
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -len(case["ids"]):]
    if case.get("text"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(case["base"])
        assert tokenizer(case["text"]).input_ids == case["ids"], "the tokenizer gives other ids"
    answers.append(logits.flatten().tolist())
json.dump(answers, sys.stdout)

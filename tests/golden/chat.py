"""Makes tests/golden/chat/golden.json: what transformers makes of conversations by the templates beside it, written
here in the style of published ones. And expressions.json: what it makes of each line of expressions.txt, or null where it
refuses it.

    pip install transformers jinja2
    python tests/golden/chat.py

Made with transformers 5.24.0, jinja2 3.1.6.
"""

import datetime
import json
from pathlib import Path

from transformers.utils import chat_template_utils

HERE = Path(__file__).parent / "chat"
NOW = 1_721_952_000
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


class Fixed(datetime.datetime):
    """26 July 2024, whenever the script runs."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, datetime.timezone.utc)


chat_template_utils.datetime = Fixed

user, assistant, system = (lambda text, role=role: {"role": role, "content": text} for role in ("user", "assistant", "system"))
CONVERSATIONS = [
    [user("Hello!")],
    [system("Be brief."), user("  What's 1 < 2 & \"so\"?  "), assistant(" Yes.\n")],
    [user("你好 👩‍👩‍👧"), assistant("<think>\nhm\n</think>\n\nHi </s>"), user("And {{ then }}?"), assistant("{% end %}")],
    [assistant("I begin."), user("No, I.")],
]

cases = []
for path in sorted(HERE.glob("*.jinja")):
    template = path.read_text()
    for messages in CONVERSATIONS:
        for answer in (False, True):
            case = {"template": path.name, "messages": messages, "answer": answer}
            try:
                texts, spans = chat_template_utils.render_jinja_template(
                    [messages], chat_template=template, add_generation_prompt=answer,
                    return_assistant_tokens_mask="generation" in template, **TOKENS)
                case["text"] = texts[0]
                if spans and spans[0]:
                    case["answers"] = spans[0]
            except Exception as error:
                case["error"] = str(error)
            cases.append(case)

(HERE / "golden.json").write_text(json.dumps({"now": NOW, "tokens": TOKENS, "cases": cases}, ensure_ascii=False, indent=1) + "\n")
print(len(cases), "cases,", sum("error" in case for case in cases), "refused")

MESSAGES = [user("a<b> 'c' é"), assistant("yes")]
expressions = []
for template in (HERE / "expressions.txt").read_text().splitlines():
    try:
        texts, _ = chat_template_utils.render_jinja_template([MESSAGES], chat_template=template, **TOKENS)
        expressions.append({"template": template, "text": texts[0]})
    except Exception:
        expressions.append({"template": template, "text": None})

(HERE / "expressions.json").write_text(
    json.dumps({"now": NOW, "messages": MESSAGES, "expressions": expressions}, ensure_ascii=False, indent=1) + "\n")
print(len(expressions), "expressions,", sum(each["text"] is None for each in expressions), "refused")

#!/usr/bin/env python3
"""Renders every template with Python's jinja2 as transformers sets it up, and records the text or that it fails.

    pip install transformers==5.23.0 jinja2==3.1.6
    python3 make_golden.py

Rewrites golden.json and thinking.json beside this script.
"""

import json
import pathlib
import sys

from transformers.utils.chat_template_utils import _compile_jinja_template, render_jinja_template

from features import ERRORS, EXPRESSIONS, TEMPLATES, VARIABLES

HERE = pathlib.Path(__file__).parent

TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "Weather of a city, in °C", "parameters": {
            "type": "object", "required": ["city"],
            "properties": {"city": {"type": "string", "description": "The \"name\" of the city"}, "days": {"type": "integer", "default": 1}}}}},
    {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
]


def system(text):
    return {"role": "system", "content": text}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def tool(text):
    return {"role": "tool", "content": text}


def call(name, arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


CONVERSATIONS = {
    "single": [user("Hello, what is 2 + 2?")],
    "system": [system("You are terse.\n"), user(" Hi <|im_end|> ")],
    "two systems": [system("One."), system("Two."), user("Hi")],
    "multi": [user("Hi"), assistant("Hello!"), user("How are you? 你好 😀"), assistant("  Fine.\n"), user("Good.")],
    "thoughts in text": [user("Hi"), assistant("<think>\nhm, a greeting\n</think>\n\nHello!"), user("More"), assistant("<think>\nwell\n</think>\n\nMore.")],
    "thoughts apart": [user("Hi"), assistant("Hello!", reasoning_content="hm\n"), user("More"), assistant("More.", reasoning_content="\nwell\n")],
    "thoughts by old name": [user("Hi"), assistant("Hello!", reasoning="hm"), user("More"), assistant("More.", thinking="well")],
    "tool call": [user("Weather?"), assistant("", tool_calls=[call("get_weather", {"city": "Köln", "days": 2})]), tool("{\"temp\": 21}"), assistant("It is 21 °C.")],
    "tool call as text": [user("Weather?"), assistant("Let me see.", tool_calls=[call("get_weather", "{\"city\": \"Köln\"}")]), tool("21")],
    "two tool calls": [system("Use tools."), user("Weather?"), assistant("Looking.", tool_calls=[call("get_weather", {"city": "A", "list": [1, None, True, 0.5]}), call("now", {})]), tool("1"), tool("2"), assistant("<think>\nso\n</think>\nDone."), user("Thanks")],
    "ends with assistant": [user("Hi"), assistant("Hel")],
    "prefix": [user("Hi"), assistant("Hel", prefix=True)],
    "parts": [user([{"type": "text", "text": "part one, "}, {"type": "image"}, {"type": "text", "text": "part two"}])],
    "not alternating": [user("a"), user("b")],
    "unknown role": [user("a"), {"role": "critic", "content": "b"}],
    "no content": [{"role": "user"}],
    "null content": [user("a"), assistant(None)],
    "empty": [],
    "no think suffix": [user("Hi /no_think"), assistant("Yo"), user("Think now /nothink")],
}

OPTIONS = [
    {"add_generation_prompt": True},
    {"add_generation_prompt": False},
    {"add_generation_prompt": True, "enable_thinking": False},
    {"add_generation_prompt": True, "enable_thinking": True, "thinking": True},
    {"add_generation_prompt": True, "tools": TOOLS},
]

# How each family's card says that a mode is asked for: variables of the template, and text behind the last user message.
# The first mode is the default, which nothing needs to be asked for.
FAMILIES = [
    {"family": "Qwen3", "template": "qwen3-style.jinja", "model_type": "qwen3", "layers": 36, "modes": {
        "slow": ({"enable_thinking": True}, ""), "fast": ({"enable_thinking": False}, "")}},
    {"family": "always thinking", "template": "qwen3-thinking-style.jinja", "model_type": "qwen3_moe", "layers": 94,
     "modes": {"slow": ({}, "")}},
    {"family": "DeepSeek-V3.1", "template": "deepseek-v3.1-style.jinja", "model_type": "deepseek_v3", "layers": 61, "modes": {
        "fast": ({"thinking": False}, ""), "slow": ({"thinking": True}, "")}},
    {"family": "DeepSeek-R1", "template": "deepseek-r1-style.jinja", "model_type": "deepseek_v3", "layers": 61,
     "modes": {"slow": ({}, "")}},
    {"family": "GLM-4.5", "template": "glm-4.5-style.jinja", "model_type": "glm4_moe", "layers": 92, "modes": {
        "slow": ({"enable_thinking": True}, ""), "fast": ({"enable_thinking": False}, "")}},
    {"family": "openPangu Embedded", "template": "openpangu-embedded.jinja", "model_type": "PanguEmbedded", "layers": 34,
     "modes": {"slow": ({}, ""), "fast": ({}, " /no_think"), "auto": ({}, " /auto_think")}},
    {"family": "openPangu Embedded 1B", "template": "openpangu-embedded.jinja", "model_type": "PanguEmbedded", "layers": 26,
     "modes": {"fast": ({}, "")}},
    {"family": "Abacus", "template": None, "model_type": "deepseek_v3", "layers": 14, "modes": {
        "slow": ({"thinking": "slow"}, ""), "fast": ({"thinking": "fast"}, ""), "auto": ({"thinking": "auto"}, "")}},
    {"family": None, "template": "llama-3-style.jinja", "model_type": "llama", "layers": 32, "modes": {}},
    {"family": None, "template": "mixtral-style.jinja", "model_type": "mixtral", "layers": 32, "modes": {}},
]

SPECIALS = {"bos_token": "<s>", "eos_token": "</s>"}


def outcome(render):
    try:
        return {"text": render()}
    except Exception as error:
        return {"error": type(error).__name__}


def main(folder, target):
    golden = {"conversations": CONVERSATIONS, "options": [{**SPECIALS, **options} for options in OPTIONS], "variables": VARIABLES}
    golden["chats"] = []
    for path in sorted(folder.glob("*.jinja")):
        source = path.read_text()
        for name, messages in CONVERSATIONS.items():
            for index, options in enumerate(golden["options"]):
                result = outcome(lambda: render_jinja_template([messages], chat_template=source, **options)[0][0])
                golden["chats"].append({"template": path.name, "conversation": name, "options": index, **result})
    sources = ["{{ " + expression + " }}" for expression in EXPRESSIONS] + TEMPLATES + ERRORS
    golden["features"] = [
        {"template": source, **outcome(lambda: _compile_jinja_template(source).render(**VARIABLES))} for source in sources]
    for case in golden["features"]:
        if "error" in case and case["template"] not in ERRORS:
            print("fails in Python:", case, file=sys.stderr)
        if "text" in case and case["template"] in ERRORS:
            print("does not fail in Python:", case, file=sys.stderr)
    target.write_text(json.dumps(golden, ensure_ascii=False, indent=0) + "\n")


def thinking(folder, abacus):
    """The prompt of each family in each mode, over conversations that every template takes."""
    families = []
    for family in FAMILIES:
        if family["template"]:
            source = (folder / family["template"]).read_text()
        else:
            source = json.loads(abacus.read_text())["chat_template"]
        cases = []
        for name in ["single", "system", "multi", "thoughts in text"]:
            for mode, (variables, suffix) in family["modes"].items():
                messages = [dict(message) for message in CONVERSATIONS[name]]
                if messages[-1]["role"] != "user":
                    messages = messages[:-1]
                messages[-1]["content"] += suffix
                text = render_jinja_template(
                    [messages], chat_template=source, add_generation_prompt=True, **SPECIALS, **variables)[0][0]
                cases.append({
                    "conversation": CONVERSATIONS[name][:len(messages)], "mode": mode, "text": text,
                    "starts_in_thoughts": text.rstrip().endswith("<think>")})
        families.append({**family, "modes": list(family["modes"]), "cases": cases})
    return families


if __name__ == "__main__":
    # Another folder of templates, and another file to write, may be given.
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "templates",
         pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "golden.json")
    if len(sys.argv) == 1:
        abacus = HERE.parents[2] / "Samples" / "Abacus" / "tokenizer_config.json"
        families = thinking(HERE / "templates", abacus)
        (HERE / "thinking.json").write_text(json.dumps(families, ensure_ascii=False, indent=0) + "\n")

"""A public model of random weights in use: generate with files of prompts and conversations, stop words and the answers of
transformers; chat through a pipe and in a terminal."""

import json
import os
import re
import signal
import subprocess
import sys

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from support import TRIREME, Workspace, causes, check, command, say
from window import Window

transformers.logging.set_verbosity_error()
TEMPLATE = """{%- for message in messages -%}
{%- if message.content == 'forbidden' %}{{ raise_exception('not this word') }}{% endif -%}
{{- '<|' ~ message.role ~ '|>' ~ message.content | trim ~ '<|end|>' }}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|assistant|>' }}{% endif -%}"""
SPECIAL = ["<s>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
SEQUENCE = 96
PROMPTS = ["The king", "a", "Ships of the line, and more words than the others have", "äöü 日本", "<|user|> is a token", "x y z"]
CHATS = [[{"role": "user", "content": "Who are you?"}],
         [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " hi "}, {"role": "assistant", "content": "ho"},
          {"role": "user", "content": "日本"}]]
GREEDY = ["--temperature", "0", "--max-tokens", "12"]


def make_model(space, name="model"):
    """A small Llama in fp32 with a byte-level tokenizer that puts <s> in front of texts."""
    vocabulary = {token: i for i, token in enumerate(SPECIAL + sorted(pre_tokenizers.ByteLevel.alphabet()))}
    plain = Tokenizer(models.BPE(vocabulary, []))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    plain.decoder = decoders.ByteLevel()
    plain.add_special_tokens(SPECIAL)
    plain.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 0)])
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=plain, bos_token="<s>", eos_token="<|end|>",
                                                     chat_template=TEMPLATE)
    torch.manual_seed(3)
    config = transformers.LlamaConfig(vocab_size=len(vocabulary), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                                      num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=SEQUENCE,
                                      bos_token_id=0, eos_token_id=1, pad_token_id=None, initializer_range=0.6,
                                      tie_word_embeddings=False)
    model = transformers.LlamaForCausalLM(config).eval()
    model.save_pretrained(space / name)
    tokenizer.save_pretrained(space / name)
    return model, tokenizer


def greedy(model, tokens, ends, count=12):
    """New tokens and why they end."""
    found = model.generate(torch.tensor([tokens]), attention_mask=torch.ones(1, len(tokens), dtype=torch.long), do_sample=False,
                           max_new_tokens=count, eos_token_id=list(ends), pad_token_id=0)[0, len(tokens):].tolist()
    return (found[:-1], "eos") if found[-1] in ends else (found, "length")


def expected_lines(model, tokenizer, ends):
    lines = []
    for number, prompt in enumerate(PROMPTS):
        ids = tokenizer(prompt)["input_ids"]
        new, stop = greedy(model, ids, ends)
        whole = tokenizer.decode(ids + new, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        before = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        lines.append({"id": f"p{number}", "text": whole[len(before):], "tokens": new, "stop": stop})
    for chat in CHATS:
        ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
        new, stop = greedy(model, ids, ends)
        text = tokenizer.decode(new, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        lines.append({"id": len(lines), "text": text, "tokens": new, "stop": stop})
    return lines


def input_lines():
    lines = [{"id": f"p{number}", "prompt": prompt} for number, prompt in enumerate(PROMPTS)]
    return "".join(json.dumps(line) + "\n" for line in lines + [{"messages": chat} for chat in CHATS])


def answered(done):
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]


def set_ends(space, model, tokenizer):
    """Makes two tokens that the model likes the ends of its texts, beside that of a turn, so that some texts end early."""
    plain = expected_lines(model, tokenizer, {1})
    ends = {1, plain[0]["tokens"][5], plain[2]["tokens"][8]}
    with open(space / "model/generation_config.json", encoding="utf-8") as file:
        config = json.load(file)
    with open(space / "model/generation_config.json", "w", encoding="utf-8") as file:
        json.dump({**config, "eos_token_id": sorted(ends - {1})}, file)
    return ends


def files_of_prompts(space, model, tokenizer):
    ends = set_ends(space, model, tokenizer)
    space.write("in.jsonl", input_lines())
    wanted = expected_lines(model, tokenizer, ends)
    check({line["stop"] for line in wanted} == {"eos", "length"}, f"these texts show nothing: {wanted}")
    for words, ranks in ((["--batch", "1"], 0), (["--batch", "3"], 0), ([], 0), (["--parallel.tp=2", "--batch", "4"], 2),
                         (["--parallel.pp=2"], 2)):
        found = answered(space.must("generate", "model", "--prompts", "in.jsonl", *GREEDY, *words, ranks=ranks))
        check(found == wanted, f"{words}: {found}, transformers: {wanted}")
    piped = subprocess.run(command("generate", "model", "--prompts", "-", *GREEDY, "-o", "out.jsonl"), input=input_lines().encode(),
                           cwd=space.path, capture_output=True, timeout=120, check=False)
    check(piped.returncode == 0 and piped.stdout == b"", f"-o: {piped}")
    with open(space / "out.jsonl", encoding="utf-8") as file:
        check([json.loads(line) for line in file] == wanted, "-o has other lines")
    again = space.run("generate", "model", "--prompts", "in.jsonl", *GREEDY, "-o", "out.jsonl")
    check(again.returncode == 2 and "out.jsonl" in causes(again.stderr)[0], f"a second -o: {again.stderr}")
    say(f"{len(wanted)} prompts and conversations, batches and layouts: the greedy tokens of transformers")
    return wanted


def ids_as_they_are(space):
    """Ids are spelled as they were, and alike in a file and on standard output; what a terminal obeys is escaped."""
    ids = ["123456789012345678901234567890", "1.50", '{"a": 1, "a": 2}', '["\\u001b[2J\u202e"]', "[1,\t2]", "1e2"]
    space.write("ids.jsonl", "".join(f'{{"id": {id}, "prompt": "a"}}\n' for id in ids))
    space.must("generate", "model", "--prompts", "ids.jsonl", *GREEDY, "-o", "ids.out")
    done = space.must("generate", "model", "--prompts", "ids.jsonl", *GREEDY)
    with open(space / "ids.out", encoding="utf-8", newline="") as file:
        check(file.read() == done.stdout, f"-o and standard output differ: {done.stdout}")
    spelled = [re.match(r'{"id":(.*),"text":', line).group(1) for line in done.stdout.splitlines()]
    wanted = [*ids[:3], '["\\u001b[2J\\u202e"]', "[1, 2]", ids[5]]
    check(spelled == wanted, f"ids {spelled}, given {ids}")
    say(f"{len(ids)} ids of any kind are passed through as they are spelled")


def stop_words(space, wanted):
    word = next(line["text"][4:6] for line in wanted if len(line["text"]) > 8)
    found = answered(space.must("generate", "model", "--prompts", "in.jsonl", *GREEDY, "--stop", word, "--stop", "never there"))
    stopped = 0
    for line, whole in zip(found, wanted):
        at = whole["text"].find(word)
        stopped += at >= 0
        check(line["text"] == (whole["text"] if at < 0 else whole["text"][:at]), f"stop word {word!r}: {line}, without {whole}")
        check(line["stop"] == ("word" if at >= 0 else whole["stop"]), f"stop word {word!r}: {line}")
    check(stopped > 0, f"no text has {word!r}")
    drawn = ["--prompts", "in.jsonl", "--temperature", "1.5", "--seed", "4", "--max-tokens", "12"]
    one, other = (answered(space.must("generate", "model", *drawn, "--batch", batch)) for batch in ("1", "8"))
    check(one == other and one != wanted, f"drawn: {one} and {other}")
    say(f"stop words end {stopped} texts; drawn texts do not depend on the batch")


def single_prompts(space, wanted):
    done = space.must("generate", "model", "--prompt", PROMPTS[0], *GREEDY)
    check(done.stdout == PROMPTS[0] + wanted[0]["text"] + "\n", f"one prompt: {done.stdout!r}")
    found = json.loads(space.must("generate", "model", "--prompt", PROMPTS[0], *GREEDY, "--json").stdout)
    check(found["text"] == PROMPTS[0] + wanted[0]["text"] and found["tokens"][found["prompt_tokens"]:] == wanted[0]["tokens"]
          and found["stop"] == wanted[0]["stop"] and found["tokens"][0] == 0, f"--json: {found}")
    plain = json.loads(space.must("generate", "model", "--prompt", PROMPTS[0], *GREEDY, "--json", "--special-tokens", "no").stdout)
    check(plain["prompt_tokens"] == found["prompt_tokens"] - 1, f"--special-tokens no: {plain}")
    done = space.must("generate", "model", "--chat", "--prompt", CHATS[0][0]["content"], *GREEDY)
    check(done.stdout == wanted[len(PROMPTS)]["text"] + "\n", f"--chat: {done.stdout!r}")
    say("one prompt: its text goes on; as a message its answer alone")


def refusals(space):
    space.write("bad.jsonl", '{"prompt": "x"}\n{"messages": [{"role": "user", "content": "forbidden"}]}\n')
    space.write("deep.jsonl", '{"prompt": "x"}\n{"prompt": "x", "id": ' + "[" * 100_000 + "]" * 100_000 + "}\n")
    space.write("long.jsonl", json.dumps({"prompt": "x" * 200}))
    for words, said in ((["--prompts", "bad.jsonl"], "bad.jsonl:2: chat_template.jinja, line 2: the template refuses: not this word"),
                        (["--prompts", "long.jsonl"], "long.jsonl:1: the prompt has 201 tokens"), (["--prompt", ""], "--prompt is empty"), ([], "one of them"),
                        (["--prompts", "deep.jsonl"], 'deep.jsonl:2: "id" has more than 128 brackets'),
                        (["--prompt", "x", "--prompts", "y"], "one of them"), (["--prompt", "x", "-o", "y"], "--output goes with"),
                        (["--prompt", "x", "--stop", ""], "--stop is empty"), (["--prompts", "nowhere.jsonl"], "nowhere.jsonl")):
        done = space.run("generate", "model", *words)
        check(done.returncode == 2 and len(causes(done.stderr)) == 1 and said in causes(done.stderr)[0], f"{words}: {done.stderr}")
    os.rename(space / "model/chat_template.jinja", space / "template")
    for words in (["chat", "model"], ["generate", "model", "--chat", "--prompt", "x"]):
        done = space.run(*words)
        check(done.returncode == 2 and "model has no chat template" in causes(done.stderr)[0], f"without template: {done.stderr}")
    os.rename(space / "template", space / "model/chat_template.jinja")
    say("what cannot be written is refused in a sentence")


def answers_of(model, tokenizer, questions, ends, system=None):
    """A conversation with transformers: the answers, while everything fits."""
    messages, answers = [{"role": "system", "content": system}] if system else [], []
    for question in questions:
        messages.append({"role": "user", "content": question})
        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        new, stop = greedy(model, ids, ends, 8)
        text = tokenizer.decode(new, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        messages.append({"role": "assistant", "content": text})
        answers.append({"text": text, "tokens": new, "stop": stop})
    return answers


def chat(space, words, lines):
    return subprocess.run(command("chat", "model", "--temperature", "0", "--max-tokens", "8", *words), cwd=space.path, text=True,
                          input=lines, capture_output=True, timeout=120, check=False)


def chat_through_a_pipe(space, model, tokenizer, ends):
    questions = ["Hi", "日本", "So?"]
    wanted = answers_of(model, tokenizer, questions, ends)
    done = chat(space, ["--json"], "\n".join(questions) + "\n\n/reset\n" + questions[0])
    check(done.returncode == 0 and answered(done) == wanted + wanted[:1], f"--json: {done}, transformers {wanted}")
    done = chat(space, [], questions[0] + "\n/quit\nmore\n")
    check(done.returncode == 0 and done.stdout == wanted[0]["text"] + "\n", f"one question: {done}")
    done = chat(space, ["--json", "--system", "Be brief."], questions[0])
    check(answered(done) == answers_of(model, tokenizer, questions[:1], ends, "Be brief."), f"--system: {done}")
    # A zero byte is a character like others: neither it nor the end of its line is lost.
    questions = ["Hi\0there", "So?"]
    done = chat(space, ["--json"], "".join(question + "\n" for question in questions))
    check(answered(done) == answers_of(model, tokenizer, questions, ends), f"a zero byte: {done}")
    done = chat(space, ["--json"], "forbidden\n")
    check(done.returncode == 2 and "not this word" in causes(done.stderr)[0], f"refused by the template: {done}")
    # Each exchange takes some 20 tokens of 96.
    done = chat(space, ["--json"], "".join(f"Question {i}?\n" for i in range(9)))
    check(done.returncode == 0 and len(answered(done)) == 9, f"a long conversation: {done}")
    check(re.search(r"96 tokens are full: the first \d+ messages of the conversation were dropped", done.stderr) is not None, done.stderr)
    say("chat through a pipe: the answers of transformers; what the model cannot see is dropped and said")


def chat_in_a_terminal(space, wanted):
    window = Window([TRIREME, "chat", "model", "--temperature", "0", "--max-tokens", "8"], 80, space.path)

    def read_to(mark, times=1):
        while window.text.count(mark) < times:
            check(window.read(), f"no {times} {mark!r} in {window.text!r}")

    read_to("> ")
    check("/reset begins anew" in window.text, window.text)
    os.write(window.terminal, b"Hi\n")
    read_to("> ", 2)
    check(wanted[0]["text"].encode().decode() in window.text or "\\x" in window.text, f"{wanted[0]} not in {window.text!r}")
    os.write(window.terminal, b"forbidden\n")
    read_to("> ", 3)
    check("warning: chat_template.jinja" in window.text, window.text)
    os.write(window.terminal, b"/reset\n")
    read_to("> ", 4)
    os.write(window.terminal, b"\x04")
    check(window.end() == 0, window.text)
    # Ctrl-C at the prompt ends, in an answer it stops the answer.
    window = Window([TRIREME, "chat", "model", "--temperature", "0", "--max-tokens", "90", "--stop", "never there"], 80, space.path)
    read_to("> ")
    os.write(window.terminal, b"\x03")
    check(window.end() == -signal.SIGINT, f"Ctrl-C at the prompt: {window.text!r}")
    say("chat in a terminal: asks again after what the template refuses; Ctrl-D and Ctrl-C end it")


def interrupted_answer(space):
    """A model that never ends: Ctrl-C ends its answer and leaves the conversation."""
    with open(space / "model/config.json", encoding="utf-8") as file:
        config = json.load(file)
    with open(space / "model/config.json", "w", encoding="utf-8") as file:
        json.dump({**config, "max_position_embeddings": 100_000}, file)
    with open(space / "model/generation_config.json", "w", encoding="utf-8") as file:
        json.dump({"eos_token_id": []}, file)
    with open(space / "model/tokenizer_config.json", encoding="utf-8") as file:
        tokens = json.load(file)
    with open(space / "model/tokenizer_config.json", "w", encoding="utf-8") as file:
        json.dump({**tokens, "eos_token": None}, file)
    # Through a pipe it ends the program, also in an answer.
    words = ["--temperature", "1.5", "--max-tokens", "90000"]
    with subprocess.Popen(command("chat", "model", *words), cwd=space.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as piped:
        try:
            piped.stdin.write(b"Hi\nMore\n")
            piped.stdin.flush()
            check(len(piped.stdout.read(40)) == 40, "no answer through a pipe")
            piped.send_signal(signal.SIGINT)
            check(piped.wait(60) == -signal.SIGINT, f"Ctrl-C and a pipe: left with {piped.returncode}")
        finally:
            piped.kill()
    window = Window([TRIREME, "chat", "model", *words], 80, space.path)
    while "> " not in window.text:
        check(window.read(), window.text)
    os.write(window.terminal, b"Hi\n")
    begun = len(window.text)
    while len(window.text) < begun + 40:
        check(window.read(), window.text)
    os.write(window.terminal, b"\x03")
    while "stopped\n> " not in window.text:
        check(window.read(), window.text)
    os.write(window.terminal, b"/quit\n")
    code = window.end()
    check(code == 0, f"left with {code}: {window.text!r}")
    say("Ctrl-C stops an answer, and the conversation goes on; with a pipe it ends the program")


def main():
    with Workspace() as space:
        model, tokenizer = make_model(space)
        wanted = files_of_prompts(space, model, tokenizer)
        ends = {1, *transformers.GenerationConfig.from_pretrained(space / "model").eos_token_id}
        ids_as_they_are(space)
        stop_words(space, wanted)
        single_prompts(space, wanted)
        refusals(space)
        chat_through_a_pipe(space, model, tokenizer, ends)
        chat_in_a_terminal(space, answers_of(model, tokenizer, ["Hi"], ends))
        interrupted_answer(space)


if __name__ == "__main__":
    main()

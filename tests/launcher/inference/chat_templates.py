"""Chat templates written for the tests. Each is for one style of public models and exercises the constructs that these
use: the marks around a turn, who may speak after whom, where the system's message goes, tools, dates, hidden thoughts.
Each is (template, special tokens)."""

# Marks around every turn, and a system's turn where the conversation has none.
CHATML = ("""{% for turn in messages %}{% if loop.first %}{% if turn['role'] != 'system' %}{{ '<|im_start|>' + 'system' + '
Test me.' + '<|im_end|>
' }}{% endif %}{% endif %}<|im_start|>{{ turn['role'] + '
' + turn['content'] }}{{ '<|im_end|>' }}
{% endfor %}{{ '<|im_start|>assistant
' if add_generation_prompt else '' }}""", {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"})

# Tools and their answers, which stand together in one turn of the user.
QWEN2 = ("""{%- macro begin(role) -%}<|im_start|>{{ role }}{{ '\\n' }}{%- endmacro -%}
{%- set end = '<|im_end|>\\n' -%}
{%- set rules = messages | selectattr('role', '==', 'system') | map(attribute='content') | list -%}
{{- begin('system') + (rules | first | default('No rules.')) + end -}}
{%- for tool in tools or [] -%}
    {{- tool | tojson(indent=2) + end -}}
{%- endfor -%}
{%- for turn in messages[1 if rules else 0:] -%}
    {%- set before = loop.previtem.role if loop.previtem is defined else none -%}
    {%- set after = loop.nextitem.role if loop.nextitem is defined else none -%}
    {%- if turn.role == 'tool' -%}
        {{- begin('user') if before != 'tool' -}}
        {{- '<answer ' ~ loop.index ~ '>' ~ turn.content ~ '</answer>' -}}
        {{- end if after != 'tool' -}}
    {%- elif turn.tool_calls is defined and turn.tool_calls -%}
        {{- begin(turn.role) + turn.get('content') | string -}}
        {%- for call in turn.tool_calls -%}
            {%- set asked = call.function if 'function' in call else call -%}
            {{- '<call>' ~ {'do': asked.name, 'with': asked.arguments} | tojson ~ '</call>' -}}
        {%- endfor -%}
        {{- end -}}
    {%- else -%}
        {{- begin(turn.role) + turn.content + end -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt %}{{ begin('assistant') }}{% endif -%}
""", {"bos_token": None, "eos_token": "<|im_end|>"})

# The system's message within the first turn of the user; strict order.
LLAMA2 = ("""{% set system = '' %}{% set rest = messages %}{% if messages and messages[0]['role'] == 'system' %}{% set system = '<<SYS>>\\n' ~ messages[0]['content'] ~ '\\n<</SYS>>\\n\\n' %}{% set rest = messages[1:] %}{% endif %}{% for turn in rest %}{% set wanted = ['user', 'assistant'][loop.index0 % 2] %}{% if turn['role'] != wanted %}{{ raise_exception('Turn ' ~ loop.index ~ ' is for ' ~ wanted) }}{% elif wanted == 'user' %}{{ bos_token }}[INST] {{ (system if loop.first else '') + turn['content'].strip() }} [/INST]{% else %}{{ ' ' + turn['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}""",
          {"bos_token": "<s>", "eos_token": "</s>"})

# Headers of roles, a date, lists and dicts as contents, comments.
LLAMA3 = ("""{#- A header names who speaks. -#}
{%- macro header(who) %}{{ '<|start_header_id|>' ~ who ~ '<|end_header_id|>\\n\\n' }}{% endmacro -%}
{{- bos_token -}}
{%- set day = date_string if date_string is defined else strftime_now('%d %b %Y, %H:%M') -%}
{{- header('system') ~ 'It is ' ~ day ~ '.' -}}
{%- if messages[0]['role'] == 'system' -%}
    {{- '\\n' ~ messages[0]['content'] | trim -}}
    {%- set messages = messages[1:] -%}
{%- endif -%}
{{- '<|eot_id|>' -}}
{%- for turn in messages -%}
    {%- if turn.role in ('tool', 'ipython') -%}
        {{- header('ipython') -}}
        {%- if turn.content is string -%}{{- turn.content -}}
        {%- elif turn.content is mapping or turn.content is iterable -%}{{- turn.content | tojson -}}
        {%- else -%}{{- turn.content -}}
        {%- endif -%}
    {%- elif 'tool_calls' in turn -%}
        {%- if turn.tool_calls | length != 1 %}{{ raise_exception('Call one tool, not ' ~ turn.tool_calls | length) }}{% endif -%}
        {{- header(turn['role']) -}}
        {%- with call = turn.tool_calls[0].function -%}
            {{- call.name ~ '(' ~ call.arguments | tojson ~ ')' -}}
        {%- endwith -%}
    {%- else -%}
        {{- header(turn['role']) + turn['content'] | trim -}}
    {%- endif -%}
    {{- '<|eot_id|>' -}}
{%- endfor -%}
{{- header('assistant') if add_generation_prompt -}}
""", {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"})

# A count kept in a namespace, the system's message before the last turn of the user.
MISTRAL = ("""{%- set seen = namespace(turns=0, last=-1, rules=none) -%}
{%- for turn in messages -%}
    {%- if turn['role'] == 'system' and loop.first -%}
        {%- set seen.rules = turn['content'] -%}
    {%- elif turn['role'] == 'tool' or turn.tool_calls is defined -%}
    {%- elif (seen.turns is odd) == (turn['role'] == 'user') -%}
        {{- raise_exception('Turn ' + loop.index | string + ' comes from ' + turn['role'] + ' again') -}}
    {%- else -%}
        {%- set seen.turns = seen.turns + 1 -%}
        {%- if turn['role'] == 'user' %}{% set seen.last = loop.index0 %}{% endif -%}
    {%- endif -%}
{%- endfor -%}
{{- bos_token -}}
{%- for turn in messages -%}
    {%- set text = turn.content.content if turn.content is mapping else turn.content -%}
    {%- if turn['role'] == 'user' -%}
        {{- '[INST] ' + (seen.rules + '\\n\\n' if seen.last == loop.index0 and seen.rules else '') + text + '[/INST]' -}}
    {%- elif turn['role'] == 'assistant' -%}
        {{- ' ' + text | trim + eos_token -}}
    {%- elif turn['role'] == 'tool' -%}
        {{- '[TOOL]' ~ text | string ~ '[/TOOL]' -}}
    {%- elif not loop.first -%}
        {{- raise_exception('Nobody is called ' + turn['role']) -}}
    {%- endif -%}
{%- endfor -%}
{{- messages | selectattr('role', 'equalto', 'user') | list | length -}}
""", {"bos_token": "<s>", "eos_token": "</s>"})

# Roles of other names, none for the system.
GEMMA = ("""{% set names = {'assistant': 'model', 'user': 'user'} %}{{ bos_token }}{% for turn in messages %}{% if turn['role'] not in names %}{{ raise_exception('Only ' ~ names | list | join(' and ') ~ ' speak here') }}{% elif names[turn['role']] != ('model' if loop.index is divisibleby 2 else 'user') %}{{ raise_exception('Take turns') }}{% endif %}<start_of_turn>{{ names[turn['role']] }}
{{ turn['content'] | trim + '<end_of_turn>
' }}{% endfor %}{% if add_generation_prompt %}<start_of_turn>model
{% endif %}""", {"bos_token": "<bos>", "eos_token": "<eos>"})

# Contents in parts, pictures among them.
GEMMA3 = ("""{%- set rules = none -%}
{%- if messages[0].role == 'system' -%}
    {%- set rules = messages[0].content if messages[0].content is string else messages[0].content[0].text -%}
{%- endif -%}
{{- bos_token -}}
{%- for turn in messages[1 if rules is not none else 0:] -%}
    {%- if (turn.role == 'user') == (loop.index % 2 == 0) %}{{ raise_exception('Take turns') }}{% endif %}
    {{- '<start_of_turn>' + ('model' if turn.role == 'assistant' else turn.role) + '
' -}}
    {%- if loop.first and rules is not none %}{{ rules ~ '

' }}{% endif -%}
    {%- if turn.content is string -%}
        {{- turn.content | trim -}}
    {%- elif turn.content is iterable and turn.content is not mapping -%}
        {%- for part in turn.content -%}
            {{- '<start_of_image>' if part.type == 'image' else part.text | trim -}}
        {%- endfor -%}
    {%- else -%}
        {{- raise_exception('A turn holds text or parts') -}}
    {%- endif %}<end_of_turn>
{% endfor -%}
{%- if add_generation_prompt %}<start_of_turn>model
{% endif -%}
""", {"bos_token": "<bos>", "eos_token": "<eos>"})

# Statements on lines of their own, whose line ends trim_blocks takes away.
ZEPHYR = ("""{% set known = ['system', 'user', 'assistant'] %}
{% for turn in messages %}
    {% if turn['role'] in known %}
<|{{ turn['role'] }}|>
{{ turn['content'] + eos_token }}
    {% endif %}
    {% if loop.last %}
        {% if add_generation_prompt %}
<|assistant|>
        {% endif %}
    {% endif %}
{% endfor %}
""", {"bos_token": "<s>", "eos_token": "</s>"})

# Thoughts are kept after the last question only; the search for it goes backwards.
QWEN3 = ("""{%- set state = namespace(question=-1) -%}
{%- for turn in messages | reverse -%}
    {%- if state.question < 0 and turn.role == 'user' and turn.content is string and not turn.content.startswith('<tool_response>') -%}
        {%- set state.question = loop.revindex0 -%}
    {%- endif -%}
{%- endfor -%}
{%- for turn in messages -%}
    {%- set text = turn.content if turn.content is string else '' -%}
    {%- set thought = turn.reasoning_content | default('', true) -%}
    {%- if turn.role == 'assistant' and not thought and '</think>' in text -%}
        {%- set pieces = text.split('</think>') -%}
        {%- set thought = pieces[0].split('<think>')[-1].strip('\\n') -%}
        {%- set text = pieces[-1].lstrip('\\n') -%}
    {%- endif -%}
    {%- if turn.role == 'tool' -%}
        {{- '<|im_start|>user\\n' if loop.first or messages[loop.index0 - 1].role != turn.role -}}
        {{- '<result>' ~ text ~ '</result>\\n' -}}
        {%- if loop.last or messages[loop.index].role != turn.role %}{{ '<|im_end|>\\n' }}{% endif -%}
        {%- continue -%}
    {%- endif -%}
    {{- '<|im_start|>' + turn.role + '\\n' -}}
    {%- if turn.role == 'assistant' and loop.index0 > state.question and (loop.last or thought) -%}
        {{- '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' -}}
    {%- endif -%}
    {{- text + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' ~ ('' if enable_thinking | default(true) else '<think>\\n\\n</think>\\n\\n') -}}
{%- endif -%}
""", {"bos_token": None, "eos_token": "<|im_end|>"})

# An end after every answer but the last.
OLMO2 = ("""{{ bos_token }}{% for turn in messages %}{% if turn['role'] in ['system', 'user', 'assistant'] %}{{ '<|%s|>' | replace('%s', turn['role']) }}
{{ turn['content'] }}{{ eos_token if turn['role'] == 'assistant' }}{{ '
' if not (loop.last and turn['role'] == 'assistant') }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>
{% endif %}""", {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"})

# Macros, generation blocks, joined parts, a capitalised role.
PARTS = ("""{%- macro parts(content) -%}
    {%- if content is string -%}{{ content }}
    {%- elif content is none -%}
    {%- else -%}
        {%- for part in content if part.type == 'text' -%}
            {{ part.text }}{% if not loop.last %}{{ '\\n' }}{% endif %}
        {%- else -%}nothing
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
{%- set roles = {'user': 'Human', 'assistant': 'Bot'} -%}
{%- for message in messages -%}
    {%- if message['role'] == 'skip' %}{% continue %}{% endif -%}
    {%- if message['role'] == 'stop' %}{% break %}{% endif -%}
    {{- roles.get(message['role'], message['role'] | capitalize) ~ ': ' }}
    {%- if message['role'] == 'assistant' -%}
        {%- generation -%}{{ parts(message['content']) | trim ~ eos_token }}{%- endgeneration -%}
    {%- else -%}
        {{- parts(message['content']) }}
    {%- endif -%}
    {{- '\\n' }}
{%- endfor -%}
{{- messages | map(attribute='role') | unique | join('/') }}{{ messages | rejectattr('role', 'in', ['system', 'user']) | list | count }}
{%- if add_generation_prompt %}{{ '\\nBot:' }}{% endif -%}
""", {"bos_token": "<s>", "eos_token": "</s>"})

FAMILIES = {name.lower(): value for name, value in list(globals().items()) if name.isupper()}

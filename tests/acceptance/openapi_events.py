"""Compares the events of streamed answers with the OpenAPI document. usage: openapi_events.py WORKER_URL"""

import json
import sys
import urllib.request

import jsonschema_rs

base = sys.argv[1]
question = "How long is the probation period?"


def send(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"content-type": "application/json"} if data else {})
    with urllib.request.urlopen(request, timeout=120) as response:
        return response.headers.get_content_type(), response.read().decode()


components = json.loads(send("/openapi.json")[1])["components"]


def events(path, schema, body):
    """The events of an answer without [DONE], and whether that came last."""
    validator = jsonschema_rs.validator_for({"components": components, "$ref": f"#/components/schemas/{schema}"})
    kind, text = send(path, body)
    assert kind == "text/event-stream", kind
    data = [line[len("data:"):].strip() for line in text.splitlines() if line.startswith("data:")]
    done = data[-1] == "[DONE]"
    chunks = [json.loads(item) for item in (data[:-1] if done else data)]
    for chunk in chunks:
        errors = [error.message for error in validator.iter_errors(chunk)]
        assert not errors, (errors, chunk)
    return chunks, done


def asked(**more):
    return {"messages": [{"role": "user", "content": question}], "stream": True, "max_tokens": 12, "temperature": 0, **more}


chat = "/v1/chat/completions"
chunks, done = events(chat, "ChatCompletionChunk", asked(stream_options={"include_usage": True}))
assert done and len(chunks) > 4 and chunks[-1]["usage"]["total_tokens"] > 12
for more in ({"n": 2, "logprobs": True, "top_logprobs": 3}, {"response_format": {"type": "json_object"}},
             {"messages": [{"role": "user", "content": "Who wrote Hamlet?"}], "response_format": {"type": "json_object"}}):
    assert events(chat, "ChatCompletionChunk", asked(**more))[1]

chunks, done = events("/chat/kb_chat", "KbChatChunk", {"query": question, "kb_name": "samples", "max_tokens": 12})
assert not done and chunks[-1]["choices"][0]["finish_reason"]
chunks, done = events("/chat/kb_chat", "KbChatChunk", {"query": question, "kb_name": "samples", "return_direct": True})
assert not done and len(chunks) == 1 and chunks[0]["docs"]
assert events("/knowledge_base/local_kb/samples/chat/completions", "KbChatChunk", asked())[1]
print("all checks held")

"""Uses a worker through the official openai client. usage: openai_client.py BASE_URL"""

import sys

import openai
import pydantic

client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, timeout=120)
question = [{"role": "user", "content": "How long is the probation period?"}]

models = client.models.list()
assert [model.object for model in models.data] == ["model"]
name = models.data[0].id
assert client.models.retrieve(name).id == name

whole = client.chat.completions.create(model=name, messages=question, temperature=0, max_tokens=40)
text = whole.choices[0].message.content
assert whole.object == "chat.completion" and whole.choices[0].message.role == "assistant"
assert "month" in text, text
assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
citations = whole.model_extra["citations"]
assert citations[0]["file"] == "employee-handbook.pdf" and citations[0]["page"], citations

pieces, ids, reasons, usage, cited = [], set(), [], None, None
stream = client.chat.completions.create(
    model=name, messages=question, temperature=0, max_tokens=40, stream=True,
    stream_options={"include_usage": True})
for number, chunk in enumerate(stream):
    ids.add(chunk.id)
    if chunk.usage:
        usage = chunk.usage
    for choice in chunk.choices:
        if number == 0:
            assert choice.delta.role == "assistant"
        pieces.append(choice.delta.content or "")
        reasons.append(choice.finish_reason)
    cited = (chunk.model_extra or {}).get("citations") or cited
assert "".join(pieces) == text, ("".join(pieces), text)
assert len(pieces) > 4, "the answer came in one piece"
assert len(ids) == 1 and reasons[-1] in ("stop", "length") and not any(reasons[:-1])
assert usage.prompt_tokens == whole.usage.prompt_tokens and usage.total_tokens == whole.usage.total_tokens
# The second time, all but the last token of the prompt was computed already.
assert usage.prompt_tokens_details.cached_tokens == usage.prompt_tokens - 1, usage
assert cited == citations

seeded = [client.chat.completions.create(model=name, messages=question, temperature=1, seed=7, max_tokens=16)
          .choices[0].message.content for _ in range(2)]
assert seeded[0] == seeded[1], seeded

turns = question + [{"role": "assistant", "content": text}, {"role": "user", "content": "When are salaries paid?"}]
assert client.chat.completions.create(model=name, messages=turns, max_tokens=8).choices[0].message.content

several = client.chat.completions.create(model=name, messages=question, n=2, max_tokens=8, logprobs=True, top_logprobs=2)
assert [choice.index for choice in several.choices] == [0, 1]
for choice in several.choices:
    assert len(choice.logprobs.content[0].top_logprobs) == 2
    assert bytes(byte for token in choice.logprobs.content for byte in token.bytes).decode() == choice.message.content


class Months(pydantic.BaseModel):
    months: int


parsed = client.chat.completions.parse(model=name, messages=question, response_format=Months, temperature=0, max_tokens=60)
assert isinstance(parsed.choices[0].message.parsed, Months), parsed
nothing = [{"role": "user", "content": "Who wrote Hamlet?"}]
refusal = client.chat.completions.parse(model=name, messages=nothing, response_format=Months).choices[0].message
assert refusal.parsed is None and refusal.refusal, refusal

vectors = client.embeddings.create(model="any", input=["annual leave", "pressure tank"]).data
assert [vector.index for vector in vectors] == [0, 1]
assert all(abs(sum(x * x for x in vector.embedding) - 1) < 1e-3 and len(vector.embedding) == 384 for vector in vectors)
floats = client.embeddings.create(model="any", input="annual leave", encoding_format="float").data[0].embedding
assert max(abs(a - b) for a, b in zip(floats, vectors[0].embedding)) < 1e-6


def refused(error, **arguments):
    try:
        client.chat.completions.create(**{"model": name, "messages": question, **arguments})
    except error as refusal:
        assert refusal.body["message"] and refusal.body["type"] == "invalid_request_error", refusal.body
        return
    raise AssertionError(f"{arguments} was accepted")


refused(openai.BadRequestError, temperature=9)
refused(openai.BadRequestError, n=99)
refused(openai.BadRequestError, messages=[])
try:
    client.models.retrieve("no-such-model")
    raise AssertionError("a model that is not there was found")
except openai.NotFoundError:
    pass
print("all checks held")

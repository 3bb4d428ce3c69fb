// Uses a worker through the official openai client. usage: openai_client.mjs BASE_URL
import assert from "node:assert/strict";
import OpenAI from "openai";

const baseURL = process.argv[2];
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0, timeout: 120_000 });
const messages = [{ role: "user", content: "How long is the probation period?" }];

const model = (await client.models.list()).data[0].id;
assert.equal((await client.models.retrieve(model)).id, model);

const asked = { model, messages, temperature: 0, max_tokens: 40 };
const whole = await client.chat.completions.create(asked);
const text = whole.choices[0].message.content;
assert.match(text, /month/);
assert.equal(whole.citations[0].file, "employee-handbook.pdf");
assert.equal(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens);

const ids = new Set();
const pieces = [];
let usage;
const stream = await client.chat.completions.create({
  ...asked, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  ids.add(chunk.id);
  usage ??= chunk.usage;
  pieces.push(chunk.choices[0]?.delta.content ?? "");
}
assert.equal(pieces.join(""), text);
assert.ok(pieces.length > 4 && ids.size === 1);
assert.equal(usage.prompt_tokens, whole.usage.prompt_tokens);

// The helper that collects a stream sees the same answer as the one that asks for all of it.
const collected = await client.chat.completions.stream(asked).finalChatCompletion();
assert.equal(collected.choices[0].message.content, text);
assert.equal(collected.choices[0].finish_reason, whole.choices[0].finish_reason);

// An answer that is not wanted any more ends, and the worker goes on answering.
const aborted = await client.chat.completions.create({ ...asked, max_tokens: 400, stream: true });
for await (const _ of aborted) {
  aborted.controller.abort();
}
assert.ok(aborted.controller.signal.aborted);
const late = client.chat.completions.create(asked, { timeout: 1 });
await assert.rejects(late, OpenAI.APIConnectionTimeoutError);

const schema = {
  type: "object", properties: { months: { type: "integer" } }, required: ["months"],
  additionalProperties: false,
};
const formed = await client.chat.completions.create({
  ...asked, max_tokens: 60,
  response_format: { type: "json_schema", json_schema: { name: "months", schema, strict: true } },
});
assert.ok(Number.isInteger(JSON.parse(formed.choices[0].message.content).months));

const vectors = (await client.embeddings.create({ model, input: ["annual leave", "pump"] })).data;
assert.deepEqual(vectors.map((vector) => vector.embedding.length), [384, 384]);

await assert.rejects(client.chat.completions.create({ ...asked, temperature: 9 }), (error) => {
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.equal(error.param, "temperature");
  return error.type === "invalid_request_error";
});
await assert.rejects(client.models.retrieve("no-such-model"), OpenAI.NotFoundError);
console.log("all checks held");

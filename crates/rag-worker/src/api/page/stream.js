// The worker's API: answers as they come, and what people think of them.

/// Asks, and gives each chunk of the answer as it comes. Throws when the answer fails or is cut.
export async function* ask(messages, conversation, signal, cut) {
  const response = await fetch("v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "default", stream: true, messages, metadata: { conversation_id: conversation },
    }),
    signal,
  });
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new Error(body.error?.message || `HTTP ${response.status}`);
  }
  yield {
    slot: response.headers.get("x-switchyard-slot"),
    release: response.headers.get("x-switchyard-release"),
  };
  for await (const data of events(response)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new Error(chunk.error.message);
    yield chunk;
  }
  throw new Error(cut);
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    let end;
    while ((end = held.indexOf("\n\n")) >= 0) {
      const lines = held.slice(0, end).split("\n");
      held = held.slice(end + 2);
      const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim());
      if (data.length) yield data.join("\n");
    }
  }
}

/// What is served here; nothing while it is not ready.
export async function health() {
  try {
    return await (await fetch("health")).json();
  } catch {
    return {};
  }
}

/// Whether the worker keeps what people think of its answers.
export async function takesFeedback() {
  try {
    return (await fetch("v1/feedback")).ok;
  } catch {
    return false;
  }
}

export async function rate(feedback) {
  const response = await fetch("v1/feedback", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(feedback),
  });
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new Error(body.error?.message || `HTTP ${response.status}`);
  }
}

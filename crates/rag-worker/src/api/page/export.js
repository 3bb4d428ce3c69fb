// A conversation as a file: for people, or for programs.

import { place } from "./answer.js";
import { saveFile } from "./dom.js";
import { words } from "./words.js";

/// Saves it as `markdown` or `json`.
export function save(conversation, kind, now = new Date()) {
  const name = fileName(conversation.title);
  if (kind === "json") saveFile(`${name}.json`, "application/json", json(conversation, now));
  else saveFile(`${name}.md`, "text/markdown", markdown(conversation, now));
}

function fileName(title) {
  const name = title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  return name || "conversation";
}

function markdown({ title, messages }, now) {
  const w = words();
  const parts = [`# ${oneLine(title)}`, w.exported(now.toISOString())];
  for (const message of messages) {
    if (message.role === "user") {
      parts.push(`## ${w.question}`, quoted(message.content));
      continue;
    }
    const from = [message.slot, message.release].filter(Boolean).join(" · ");
    parts.push(`## ${w.answer}${from ? ` (${oneLine(from)})` : ""}`, message.content);
    if (message.failed) parts.push(`${w.failed}: ${oneLine(message.failed)}`);
    if (message.stopped) parts.push(w.stopped);
    if (message.citations?.length) parts.push(`### ${w.sources}`);
    for (const citation of message.citations ?? []) {
      parts.push(`[${citation.n}] ${oneLine(place(citation))}`, quoted(citation.text));
    }
  }
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

function json({ id, title, messages }, now) {
  return `${JSON.stringify({ exported_at: now.toISOString(), id, title, messages }, null, 2)}\n`;
}

function oneLine(text) {
  return text.replace(/\s+/g, " ");
}

function quoted(text) {
  return text.split("\n").map((line) => `> ${line}`).join("\n");
}

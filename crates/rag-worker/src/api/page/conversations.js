// The list of conversations, kept in this browser and nowhere else.

const KEY = "switchyard.conversations";
const MOST = 50;
const LONGEST_TITLE = 60;

let all = read();

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    const whole = (it) => typeof it?.id === "string" && Array.isArray(it.messages);
    return Array.isArray(kept) ? kept.filter(whole) : [];
  } catch {
    return [];
  }
}

/// Keeps all there is; gives whether something had to be dropped for it.
export function save() {
  let dropped = all.length > MOST;
  all = all.slice(0, MOST);
  for (;;) {
    try {
      localStorage.setItem(KEY, JSON.stringify(all));
      return dropped;
    } catch {
      // The browser's room is used up: the oldest goes.
      if (all.length <= 1) return true;
      all.pop();
      dropped = true;
    }
  }
}

export function conversations() {
  return all;
}

export function begin(question) {
  const conversation = { id: newId(), title: titleOf(question), messages: [] };
  all.unshift(conversation);
  return conversation;
}

/// It begins with another question now.
export function rename(conversation, question) {
  conversation.title = titleOf(question);
}

function titleOf(question) {
  const title = question.replace(/\s+/g, " ").trim();
  return title.length > LONGEST_TITLE ? `${title.slice(0, LONGEST_TITLE - 1)}…` : title;
}

export function remove(conversation) {
  all = all.filter((it) => it !== conversation);
  save();
}

/// The latest first.
export function touch(conversation) {
  all = [conversation, ...all.filter((it) => it !== conversation)];
}

function newId() {
  // `crypto.randomUUID` is there only where the connection is safe.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

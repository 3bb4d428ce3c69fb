// An answer's Markdown as HTML that can do no harm: models and documents may write anything.

const ALLOWED = {
  ALLOWED_TAGS: [
    "p", "br", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a", "hr",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
  ],
  ALLOWED_ATTR: ["href", "title", "start"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
};

/// Shows `text` in `box`; `[n]` becomes what `reference(n)` gives, where it gives something.
export function show(box, text, reference) {
  const html = window.marked.parse(text, { gfm: true, breaks: true, async: false });
  const body = window.DOMPurify.sanitize(html, { ...ALLOWED, RETURN_DOM_FRAGMENT: true });
  for (const link of body.querySelectorAll("a[href]")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  // What is too wide scrolls, by keyboard, too.
  for (const wide of body.querySelectorAll("pre, table")) wide.tabIndex = 0;
  refer(body, reference);
  box.replaceChildren(body);
}

function refer(body, reference) {
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement?.closest("code, a")) texts.push(walker.currentNode);
  }
  for (const node of texts) {
    const parts = node.data.split(/\[(\d{1,3})\]/);
    if (parts.length === 1) continue;
    const nodes = parts.map((part, at) => (at % 2 ? reference(Number(part)) ?? `[${part}]` : part));
    node.replaceWith(...nodes);
  }
}

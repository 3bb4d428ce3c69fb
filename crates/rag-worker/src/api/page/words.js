// The page's own words, in English and Chinese.

const WORDS = {
  en: {
    other: "中文", new: "New chat", send: "Ask", stop: "Stop", placeholder: "Ask about the documents…",
    empty: "Ask a question about the documents. Every answer shows the passages it rests on.",
    searching: "Looking it up…", sources: "Sources", source: (n) => `Open source ${n}`,
    failed: "The answer failed", stopped: "Stopped.", cut: "The connection ended before the answer did.",
    page: (page) => `page ${page}`, copy: "Copy", copied: "Copied", retry: "Try again",
    up: "Helpful", down: "Not helpful", thanks: "Noted, thank you.",
    skip: "Skip to the question", menu: "Conversations", conversations: "Conversations",
    remove: (title) => `Delete “${title}”`, untitled: "New chat", done: "The answer is complete.",
    full: "The browser keeps no more conversations; the oldest was dropped.",
    edit: "Edit", editing: "Change the question", again: "Ask again", cancel: "Cancel",
    export: "Export", exported: (at) => `Exported ${at}`, question: "Question", answer: "Answer",
    talk: "Questions and answers",
  },
  zh: {
    other: "English", new: "新对话", send: "提问", stop: "停止", placeholder: "就文档内容提问……",
    empty: "请就文档内容提问。每个回答都会列出所依据的段落。",
    searching: "正在查找……", sources: "出处", source: (n) => `打开出处 ${n}`,
    failed: "回答失败", stopped: "已停止。", cut: "连接在回答完成之前中断了。",
    page: (page) => `第 ${page} 页`, copy: "复制", copied: "已复制", retry: "重新回答",
    up: "有帮助", down: "没帮助", thanks: "已记录，谢谢。",
    skip: "跳到提问框", menu: "对话列表", conversations: "对话",
    remove: (title) => `删除“${title}”`, untitled: "新对话", done: "回答完毕。",
    full: "浏览器无法保存更多对话，最早的一个已删除。",
    edit: "修改", editing: "修改问题", again: "重新提问", cancel: "取消",
    export: "导出", exported: (at) => `导出于 ${at}`, question: "问题", answer: "回答",
    talk: "问与答",
  },
};

let language = localStorage.getItem("switchyard.language")
  ?? (navigator.language.startsWith("zh") ? "zh" : "en");

export function words() {
  return WORDS[language];
}

export function htmlLanguage() {
  return language === "zh" ? "zh-CN" : "en";
}

export function otherLanguage() {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem("switchyard.language", language);
}

/**
 * What the widget, in a page of the library's own web site, and the patron page in its frame tell each other. Nothing
 * of what is written in the chat and nobody's name is ever among it (D86).
 */

/** What the widget tells the patron page. */
export interface Site {
  carrel: "site";
  /** Whether the patron has the panel before them: then what is new in it counts as seen. */
  looking: boolean;
  /** Whether the patron has just come into the panel, so that the page gives the focus to where they write. */
  focus: boolean;
}

/** What the patron page tells the widget of the chat: all that the site learns of it. */
export interface ChatState {
  carrel: "chat";
  /** Whether there is a chat that has not ended, the wait for it included. */
  running: boolean;
  /** How many messages the patron has not seen. */
  unread: number;
}

/** The wish of the patron, who pressed Esc in the page, to minimise the panel. */
export interface Minimise {
  carrel: "minimise";
}

/** Returns what came from the widget, if it is that. */
export function asSite(data: unknown): Site | undefined {
  if (!isObject(data) || data.carrel !== "site") return undefined;
  const { looking, focus } = data;
  return typeof looking === "boolean" && typeof focus === "boolean" ? { carrel: "site", looking, focus } : undefined;
}

/** Returns what came from the patron page, if it is that. */
export function fromChat(data: unknown): ChatState | Minimise | undefined {
  if (!isObject(data)) return undefined;
  if (data.carrel === "minimise") return { carrel: "minimise" };
  if (data.carrel !== "chat") return undefined;
  const { running, unread } = data;
  const isCount = typeof unread === "number" && Number.isSafeInteger(unread) && unread >= 0;
  return typeof running === "boolean" && isCount ? { carrel: "chat", running, unread } : undefined;
}

function isObject(data: unknown): data is Record<string, unknown> {
  return typeof data === "object" && data !== null;
}

/** The patron page's link to the widget that shows it in a page of the library's own web site (D85). */
import { effect, untracked } from "@preact/signals";
import { asSite, type ChatState, type Minimise } from "../../embed/messages";
import { cancelFocus, focusWhenReady } from "../parts/embedded";
import { setLookedAtInSite } from "../parts/looked_at";
import type { PatronChat } from "./chat";
import type { Stage } from "./stage";

/** The stages in which there is a chat that has not ended. */
const RUNNING: ReadonlySet<Stage> = new Set(["opening", "returning", "waiting", "chatting"]);

/** Talks to the page around this one. It is told two facts of the chat and nothing else (D86). */
export class WidgetLink {
  /** The origin of the page around, once it has spoken. The gateway's headers say which origins may be that. */
  #origin: string | undefined;

  constructor(private readonly chat: PatronChat) {}

  /** Begins to listen, and to tell what changes. Returns a function that stops this. */
  begin(): () => void {
    const listening = new AbortController();
    const { signal } = listening;
    addEventListener("message", (event) => this.#hear(event), { signal });
    addEventListener("keydown", (event) => this.#press(event), { signal });
    const telling = effect(() => {
      const state = this.#state();
      untracked(() => this.#tell(state));
    });
    return () => {
      telling();
      listening.abort();
    };
  }

  #state(): ChatState {
    return { carrel: "chat", running: RUNNING.has(this.chat.stage.value), unread: this.chat.unread.value };
  }

  #hear({ source, origin, data }: MessageEvent): void {
    if (source !== window.parent) return;
    const site = asSite(data);
    if (site === undefined) return;
    this.#origin = origin;
    setLookedAtInSite(site.looking);
    if (site.focus) focusWhenReady();
    else cancelFocus();
    this.#tell(this.#state());
  }

  /** Minimises the panel at Esc, unless a dialog of this page is closed by it. */
  #press(event: KeyboardEvent): void {
    if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") === null) this.#tell({ carrel: "minimise" });
  }

  #tell(words: ChatState | Minimise): void {
    if (this.#origin !== undefined) window.parent.postMessage(words, this.#origin);
  }
}

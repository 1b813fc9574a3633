/** The button and the panel with the chat, in a page of the library's own web site (D85). */
import { Memory } from "./memory";
import { type ChatState, fromChat, type Site } from "./messages";
import type { Options } from "./options";
import { build, frame, langOfLabel, ownLang, type Parts, wordsOf } from "./parts";

/** Where the panel covers the whole window, as on a phone. As in widget.css. */
const WHOLE_WINDOW = "(max-width: 34rem), (max-height: 30rem)";

/** How many milliseconds a frame may take to load. */
const LOADING_PATIENCE = 15_000;

/** How many milliseconds after its frame was loaded the patron page has to have answered. It does so at once. */
const PATIENCE = 5_000;

const NO_CHAT: ChatState = { carrel: "chat", running: false, unread: 0 };

/** One library's widget. */
export class Widget {
  #memory: Memory;
  readonly #parts: Parts;
  readonly #wholeWindow = matchMedia(WHOLE_WINDOW);
  #frame: HTMLIFrameElement | undefined;
  /** Whether the frame has the patron page in it, as far as can be known. */
  #isPageThere = false;
  #open = false;
  #chat = NO_CHAT;
  /** Whether the site's window has the focus, and the patron is not in the frame. */
  #focused = document.hasFocus();
  #awaited: ReturnType<typeof setTimeout> | undefined;
  #isTold = false;

  /**
   * Puts the widget into the page, as it was on the site's last one. `wrong` is called with words for its web master.
   */
  constructor(
    private readonly options: Options,
    private readonly wrong: (why: string) => void,
  ) {
    this.#memory = new Memory(options.library);
    this.#parts = build(options);
    this.#listen();
    this.#resume();
  }

  #listen(): void {
    const { button, minimise, panel } = this.#parts;
    button.addEventListener("click", () => (this.#open ? this.#minimise() : this.#openByPatron()));
    minimise.addEventListener("click", () => this.#minimise());
    panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      // The page around it may do something else at Esc.
      event.stopPropagation();
      event.preventDefault();
      this.#minimise();
    });
    panel.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#minimise();
    });
    this.#wholeWindow.addEventListener("change", () => {
      if (this.#open) this.#show();
    });
    addEventListener("message", (event) => this.#hear(event));
    addEventListener("focus", () => this.#look(true));
    addEventListener("blur", () => this.#look(false));
    document.addEventListener("visibilitychange", () => this.#tell());
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.#beginAgain();
    });
  }

  /** A panel over the whole window stays minimised: the patron has gone to this page in order to see it. */
  #resume(): void {
    const before = this.#memory.recall();
    if (before === undefined) return;
    this.#load();
    if (before === "open" && !this.#wholeWindow.matches) {
      this.#open = true;
      this.#show();
      this.#draw();
    }
  }

  /**
   * Begins as on a page that was just loaded: the browser has kept this one as it was when the patron left it, and the
   * chat may have been cleared since (D78).
   */
  #beginAgain(): void {
    this.#unload();
    this.#open = false;
    this.#parts.panel.close();
    this.#chat = NO_CHAT;
    this.#focused = document.hasFocus();
    this.#memory = new Memory(this.options.library);
    this.#draw();
    this.#resume();
  }

  /** Opens the panel at the patron's wish. If there was trouble, the patron page is tried anew. */
  #openByPatron(): void {
    if (!this.#parts.trouble.hidden) this.#unload();
    this.#open = true;
    this.#load();
    this.#show();
    this.#draw();
    this.#remember();
    this.#frame?.focus();
    this.#tell(true);
  }

  #minimise(): void {
    if (!this.#open) return;
    this.#open = false;
    const { panel, button } = this.#parts;
    panel.close();
    this.#draw();
    this.#remember();
    button.focus();
    this.#tell();
  }

  /**
   * Shows the panel. Over the whole window it is modal, so that nobody gets lost behind it; it takes no focus
   * otherwise.
   */
  #show(): void {
    const { panel } = this.#parts;
    const isInside = panel.contains(this.#active());
    if (panel.open) panel.close();
    if (this.#wholeWindow.matches) panel.showModal();
    else panel.open = true;
    if (isInside) this.#frame?.focus();
  }

  #load(): void {
    if (this.#frame !== undefined) return;
    this.#frame = frame(this.options, this.#memory.tab);
    this.#await(LOADING_PATIENCE);
    this.#frame.addEventListener("load", () => {
      this.#isPageThere = true;
      this.#await(PATIENCE);
      this.#tell(this.#active() === this.#frame);
    });
    this.#parts.body.append(this.#frame);
  }

  /** Removes the frame, and the trouble with it. */
  #unload(): void {
    clearTimeout(this.#awaited);
    this.#frame?.remove();
    this.#frame = undefined;
    this.#isPageThere = false;
    this.#parts.trouble.hidden = true;
  }

  /**
   * Says that there is trouble if the patron page does not answer within so many milliseconds: browsers do not tell why
   * a frame shows nothing.
   */
  #await(patience: number): void {
    clearTimeout(this.#awaited);
    this.#awaited = setTimeout(() => {
      this.#isPageThere = false;
      this.#parts.trouble.hidden = false;
      if (this.#isTold) return;
      this.#isTold = true;
      this.wrong(
        `${this.options.gateway} is not answering, or may not be shown in a frame of ${location.origin}: its operator lists ` +
          "the sites that may do that in the setting gateway.embedding_origins",
      );
    }, patience);
  }

  /** Takes in what the patron page says. What anybody else says is ignored. */
  #hear({ source, origin, data }: MessageEvent): void {
    if (this.#frame === undefined || source !== this.#frame.contentWindow || origin !== this.options.gateway) return;
    const said = fromChat(data);
    if (said === undefined) return;
    clearTimeout(this.#awaited);
    this.#isPageThere = true;
    this.#parts.trouble.hidden = true;
    if (said.carrel === "minimise") return this.#minimise();
    const isMore = said.unread > this.#chat.unread;
    this.#chat = said;
    this.#draw();
    this.#remember();
    if (isMore && !this.#open) this.#parts.status.textContent = wordsOf(this.options).unread(said.unread);
  }

  #look(focused: boolean): void {
    this.#focused = focused;
    this.#tell();
  }

  /**
   * Tells the patron page whether the patron has it before them, and whether they have just come into it. It is told
   * when it is loaded, and not before: browsers complain to the site of messages to a page that is not there.
   */
  #tell(focus = false): void {
    if (!this.#isPageThere) return;
    const looking = this.#open && this.#focused && !document.hidden;
    const site: Site = { carrel: "site", looking, focus };
    this.#frame?.contentWindow?.postMessage(site, this.options.gateway);
  }

  #draw(): void {
    const { button, label, count, countWords, status } = this.#parts;
    const { running, unread } = this.#chat;
    const words = wordsOf(this.options);
    const isShown = !this.#open && unread > 0;
    button.setAttribute("aria-expanded", String(this.#open));
    const isBack = running && !this.#open;
    label.textContent = isBack ? words.back : this.options.label;
    label.lang = isBack ? ownLang(this.options) : langOfLabel(this.options);
    count.hidden = !isShown;
    count.textContent = isShown ? (unread > 99 ? "99+" : String(unread)) : "";
    countWords.textContent = isShown ? ` (${words.unread(unread)})` : "";
    if (!isShown) status.textContent = "";
  }

  /** A minimised panel is worth coming back to while there is a chat in it, or something that was not read. */
  #remember(): void {
    const { running, unread } = this.#chat;
    const notOpen = running || unread > 0 ? "minimised" : "closed";
    this.#memory.remember(this.#open ? "open" : notOpen);
  }

  /** Which element of the widget has the focus. */
  #active(): Element | null {
    return this.#parts.host.shadowRoot?.activeElement ?? null;
  }
}

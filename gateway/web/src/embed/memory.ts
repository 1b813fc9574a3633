/** What the widget remembers from one page of the site to the next, in this tab only. */

/** Whether the panel was open, minimised with something in it to come back to, or closed with nothing in it. */
export type State = "open" | "minimised" | "closed";

const STATES: ReadonlySet<string> = new Set<State>(["open", "minimised", "closed"]);

/** The memory of one library's widget. It is gone when the tab is closed. */
export class Memory {
  readonly #key: string;
  #tab: string;

  constructor(library: string) {
    this.#key = `carrel.widget.${library}`;
    this.#tab = newTab();
  }

  /**
   * A name for this tab, by which the patron page can tell its chat from one in another tab where the browser does not
   * do that for it. It gives access to nothing. It is the same on all pages of the site from the first time that
   * something is remembered, so that what the patron page keeps of a chat can be found, and cleared, after its end.
   */
  get tab(): string {
    return this.#tab;
  }

  /** Returns what there is to come back to, if there is anything. Takes on the tab's name in any case. */
  recall(): Exclude<State, "closed"> | undefined {
    try {
      const [state, tab] = sessionStorage.getItem(this.#key)?.split(" ") ?? [];
      if (!isState(state) || !tab) return undefined;
      this.#tab = tab;
      return state === "closed" ? undefined : state;
    } catch {
      return undefined; // The browser lets this site store nothing: the next page begins with the button.
    }
  }

  /** Remembers how the panel is, and the tab's name with it. */
  remember(state: State): void {
    try {
      sessionStorage.setItem(this.#key, `${state} ${this.#tab}`);
    } catch {
      // As above.
    }
  }
}

function isState(word: string | undefined): word is State {
  return word !== undefined && STATES.has(word);
}

function newTab(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

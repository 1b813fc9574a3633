/** What the widget remembers from one page of the site to the next, in this tab only. */

/** Whether the panel was open, or minimised with a chat in it. */
export type Remembered = "open" | "minimised";

/** The memory of one library's widget. It is gone when the tab is closed. */
export class Memory {
  readonly #key: string;
  #tab: string;

  constructor(library: string) {
    this.#key = `carrel.widget.${library}`;
    this.#tab = newTab();
  }

  /**
   * A name for this tab, by which the patron page can tell its chat from one in another tab where the browser does not do
   * that for it. It gives access to nothing.
   */
  get tab(): string {
    return this.#tab;
  }

  /** Returns what is remembered, if anything is. */
  recall(): Remembered | undefined {
    try {
      const [state, tab] = sessionStorage.getItem(this.#key)?.split(" ") ?? [];
      if ((state !== "open" && state !== "minimised") || !tab) return undefined;
      this.#tab = tab;
      return state;
    } catch {
      return undefined; // The browser lets this site store nothing: the next page begins with the button.
    }
  }

  /** Remembers this, or nothing. */
  remember(state: Remembered | undefined): void {
    try {
      if (state === undefined) sessionStorage.removeItem(this.#key);
      else sessionStorage.setItem(this.#key, `${state} ${this.#tab}`);
    } catch {
      // As above.
    }
  }
}

function newTab(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

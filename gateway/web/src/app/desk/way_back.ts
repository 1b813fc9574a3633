/** Makes the browser's Back lead from an open session to the lists, where there is room for only one of them. */

/** The part of a browser's history that is used. */
export type Steps = Pick<History, "state" | "pushState" | "back">;

/** The state of the history entry that is added when something is opened. */
const STEP = { carrel: "opened" };

/** Keeps one history entry while something is open. */
export class WayBack {
  #wasOpen = false;
  /** Whether the page itself has gone back, and the browser has not arrived yet. */
  #isGoing = false;

  /** `isOpen` says whether something is shown in place of its list; `leave` shows the list again. */
  constructor(
    private readonly isOpen: () => boolean,
    private readonly leave: () => void,
    private readonly steps: Steps,
  ) {}

  /** Adds the history entry if something was opened, and removes it if it was closed. */
  sync(): void {
    const open = this.isOpen();
    if (this.#isGoing) return;
    const wasOpen = this.#wasOpen;
    this.#wasOpen = open;
    if (open && !isStep(this.steps.state)) this.steps.pushState(STEP, "");
    // After a reload the entry is there before the session is shown again.
    if (!open && wasOpen && isStep(this.steps.state)) {
      this.#isGoing = true;
      this.steps.back();
    }
  }

  /** Handles that the browser has gone to another entry. */
  arrived(): void {
    const isOwn = this.#isGoing;
    this.#isGoing = false;
    if (!isOwn && !isStep(this.steps.state) && this.isOpen()) {
      this.#wasOpen = false;
      this.leave();
    }
    this.sync();
  }
}

function isStep(state: unknown): boolean {
  return typeof state === "object" && state !== null && "carrel" in state && state.carrel === STEP.carrel;
}

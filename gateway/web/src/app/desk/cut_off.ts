/** Alerts a librarian who is looking elsewhere that the desk is cut off, so that nothing reaches them (K9). */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Connection } from "../../connection";
import type { Alerts } from "./alerts";
import type { LogInState } from "./log_in";

/** How long a connection may be lost before the librarian is told: most are back sooner. */
const PATIENCE = 5_000;

/** Whether one desk is cut off, and since when. */
export class CutOff {
  readonly #overdue = signal(false);
  readonly #state: ReadonlySignal<CutOffState | undefined>;
  #since: number | undefined;

  /** Whether the desk has been cut off for longer than most losses last. */
  readonly isOverdue: ReadonlySignal<boolean> = this.#overdue;
  /** What the title of the tab begins with while the desk is cut off; otherwise empty. */
  readonly title: ReadonlySignal<string>;

  constructor(
    connection: ReadonlySignal<Connection>,
    logInState: ReadonlySignal<LogInState>,
    private readonly alerts: Alerts,
  ) {
    this.#state = computed(() => stateOf(connection.value, logInState.value));
    this.title = computed(() => {
      const says = this.#overdue.value && alerts.settings.value.ways.connection.title;
      return says ? (this.#state.value?.title ?? "") : "";
    });
  }

  /** Checks the state: when the desk has been cut off for a while, alerts the user, once each time. */
  tick(now: number): void {
    const state = this.#state.value;
    if (state === undefined) {
      this.#since = undefined;
      this.#overdue.value = false;
      return;
    }
    this.#since ??= now;
    if (this.#overdue.value || now - this.#since < PATIENCE) return;
    this.#overdue.value = true;
    this.alerts.ring("connection", state.call);
  }
}

/** How a desk is cut off. */
interface CutOffState {
  title: string;
  /** The alert's text, which may be shown outside the page. */
  call: string;
}

const LOST: CutOffState = { title: "Not connected", call: "The chat monitor has lost its connection" };
const AGAIN: CutOffState = { title: "Log in again", call: "Log in to the chat monitor again" };

function stateOf({ phase }: Connection, logInState: LogInState): CutOffState | undefined {
  if (logInState === "out") return undefined;
  if (logInState === "again" && phase.name === "expired") return AGAIN;
  return phase.name === "connected" ? undefined : LOST;
}

/** Says that the desk is cut off: who looks elsewhere would not know that nothing reaches them any more (K9). */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Connection } from "../connection";
import type { Alerts } from "./alerts";
import type { LogInState } from "./desk";

/** For how long a lost connection is nobody's concern: most are back before that. */
const PATIENCE = 5_000;

/** Whether one desk is cut off, and for how long. */
export class CutOff {
  readonly #overdue = signal(false);
  readonly #state: ReadonlySignal<CutOffState | undefined>;
  #since: number | undefined;

  /** What the title of the tab says first while the desk is cut off, or nothing. */
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

  /** Takes up how it stands: after a while the user is called, once each time that the desk is cut off. */
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

/** In which way a desk is cut off. */
interface CutOffState {
  title: string;
  /** What may stand outside of the page. */
  call: string;
}

const LOST: CutOffState = { title: "Not connected", call: "The chat monitor has lost its connection" };
const AGAIN: CutOffState = { title: "Log in again", call: "Log in to the chat monitor again" };

function stateOf({ phase }: Connection, logInState: LogInState): CutOffState | undefined {
  if (logInState === "out") return undefined;
  if (logInState === "again" && phase.name === "expired") return AGAIN;
  return phase.name === "connected" ? undefined : LOST;
}

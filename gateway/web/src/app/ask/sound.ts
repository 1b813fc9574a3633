/** Calls a patron who is not looking at the page back to it, with the sounds of the desk. */
import { computed } from "@preact/signals";
import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import type { AlertKind } from "../parts/alerts_settings";
import { AlertSound } from "../parts/alerts_sound";
import { isLookedAt } from "../parts/looked_at";
import { patronSound, patronVolume } from "../parts/settings";

/** The events that call a patron: a librarian has come, or has written. */
const CALLS: Partial<Record<NonNullable<SessionEvent["payload"]["case"]>, AlertKind>> = {
  pickedUp: "patron",
  transferred: "patron",
  message: "message",
  page: "message",
};

/** The sounds of one patron page. */
export class PatronSound {
  readonly #sound = new AlertSound();

  /** Whether the patron wants sounds, but the browser plays none until they interact with the page. */
  readonly isOff = computed(() => this.#sound.locked.value && patronSound.value && patronVolume.value > 0);

  /** Plays the sound for another person's event, unless the patron is looking at the page. */
  ring({ payload }: SessionEvent): void {
    const kind = payload.case && CALLS[payload.case];
    if (kind !== undefined && patronSound.value && !isLookedAt()) this.#sound.play(kind, patronVolume.value);
  }

  /** Plays the sound for a message, so that the patron can choose its volume. */
  sample(): void {
    this.#sound.unlock();
    this.#sound.play("message", patronVolume.value);
  }
}

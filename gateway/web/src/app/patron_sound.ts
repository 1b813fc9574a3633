/** Calls a patron who looks elsewhere back to the page, by the sounds of the desk. */
import { computed } from "@preact/signals";
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import type { AlertKind } from "./alerts_settings";
import { AlertSound } from "./alerts_sound";
import { isLookedAt } from "./looked_at";
import { patronSound, patronVolume } from "./settings";

/** What calls a patron: somebody has come, or has written. */
const CALLS: Partial<Record<NonNullable<SessionEvent["payload"]["case"]>, AlertKind>> = {
  pickedUp: "patron",
  transferred: "patron",
  message: "message",
  page: "message",
};

/** The sounds of one patron page. */
export class PatronSound {
  readonly #sound = new AlertSound();

  /** Whether the patron wants sounds, and the browser plays none until they have done something on the page. */
  readonly isOff = computed(() => this.#sound.locked.value && patronSound.value && patronVolume.value > 0);

  /** Calls the patron to what somebody else has done. Who looks at the page sees it. */
  ring({ payload }: SessionEvent): void {
    const kind = payload.case && CALLS[payload.case];
    if (kind !== undefined && patronSound.value && !isLookedAt()) this.#sound.play(kind, patronVolume.value);
  }

  /** Plays what calls the patron to a message, for who chooses how loud it is to be. */
  sample(): void {
    this.#sound.unlock();
    this.#sound.play("message", patronVolume.value);
  }
}

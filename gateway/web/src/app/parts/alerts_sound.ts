/** The sounds of the alerts. They are synthesised, so that there is no file to load. */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { AlertKind } from "./alerts_settings";

/**
 * The notes of each sound, in hertz: rising for a patron, falling for a transfer, a single one for a librarian's
 * message, two alike for something new in a session, and low ones for a desk that is cut off.
 */
const TUNES: Readonly<Record<AlertKind, readonly number[]>> = {
  patron: [523, 659],
  message: [698, 698],
  transfer: [784, 659, 523],
  im: [587],
  connection: [294, 220],
};

const NOTE_LENGTH = 0.17;
const FADE = 0.35;
/** The gain at full volume. It is low, since desks stand in quiet reading rooms. */
const LOUDEST = 0.35;

/** Plays the sounds of one page. It is silent where the browser has no audio. */
export class AlertSound {
  readonly #locked = signal(typeof AudioContext !== "undefined");
  #context: AudioContext | undefined;
  readonly #playedUntil = new Map<AlertKind, number>();

  /** Whether the browser plays no sound until the user interacts with the page. */
  readonly locked: ReadonlySignal<boolean> = this.#locked;

  constructor() {
    const unlock = () => this.unlock();
    // Not before the click is complete: unlocking removes the hint that sound is off, which moves what is below it.
    addEventListener("click", unlock, true);
    addEventListener("keydown", unlock, true);
  }

  /** Enables playing. Browsers allow sound only after the user has interacted with the page. */
  unlock(): void {
    if (typeof AudioContext === "undefined") return;
    this.#context ??= this.#opened();
    if (this.#context.state !== "running") void this.#context.resume().catch(() => {});
  }

  /** Plays the sound of a kind, at a volume from 0 to 1. */
  play(kind: AlertKind, volume: number): void {
    const context = this.#context;
    if (context === undefined || volume <= 0) return;
    // Several alerts at once, as after a lost connection, must not add up to a louder sound.
    if (context.currentTime < (this.#playedUntil.get(kind) ?? 0)) return;
    this.#playedUntil.set(kind, context.currentTime + NOTE_LENGTH);
    TUNES[kind].forEach((frequency, index) => {
      note(context, frequency, context.currentTime + index * NOTE_LENGTH, volume);
    });
  }

  #opened(): AudioContext {
    const context = new AudioContext();
    const look = () => {
      this.#locked.value = context.state !== "running";
    };
    context.addEventListener("statechange", look);
    look();
    return context;
  }
}

function note(context: AudioContext, frequency: number, at: number, volume: number): void {
  const tone = context.createOscillator();
  const loudness = context.createGain();
  tone.frequency.value = frequency;
  loudness.gain.setValueAtTime(0, at);
  loudness.gain.linearRampToValueAtTime(LOUDEST * volume, at + 0.02);
  loudness.gain.exponentialRampToValueAtTime(0.0001, at + FADE);
  tone.connect(loudness).connect(context.destination);
  tone.start(at);
  tone.stop(at + FADE);
}

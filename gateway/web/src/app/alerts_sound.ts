/** The sounds of the alerts. They are made here, so that there is no file to load. */
import type { AlertKind } from "./alerts_settings";

/** The notes of each sound, in hertz: they rise for a patron, fall for a transfer, and are one for a message. */
const TUNES: Readonly<Record<AlertKind, readonly number[]>> = {
  patron: [523, 659],
  transfer: [784, 659, 523],
  im: [587],
};

const NOTE_LENGTH = 0.17;
const FADE = 0.35;
/** The loudest that a sound gets. It stands in a quiet reading room. */
const LOUDEST = 0.35;

/** Plays the sounds of one page. Where there is no audio, it is silent. */
export class AlertSound {
  #context: AudioContext | undefined;

  /** Makes ready to play. Browsers allow sound only after the user has done something on the page. */
  unlock(): void {
    if (typeof AudioContext === "undefined") return;
    this.#context ??= new AudioContext();
    if (this.#context.state === "suspended") void this.#context.resume().catch(() => {});
  }

  /** Plays the sound of a kind, at a volume from 0 to 1. */
  play(kind: AlertKind, volume: number): void {
    const context = this.#context;
    if (context === undefined || volume <= 0) return;
    TUNES[kind].forEach((frequency, index) => {
      note(context, frequency, context.currentTime + index * NOTE_LENGTH, volume);
    });
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

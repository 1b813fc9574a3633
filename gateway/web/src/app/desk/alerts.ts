/** Alerts that call a librarian to the desk: a sound, words in the tab's title, and a system notification. */
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import {
  ALERT_KINDS,
  type AlertKind,
  type AlertSettings,
  type AlertWay,
  alertsKey,
  defaultAlerts,
  readAlerts,
  switched,
  writeAlerts,
} from "../parts/alerts_settings";
import { AlertSound } from "../parts/alerts_sound";
import { isLookedAt, onLook } from "../parts/looked_at";
import { onKeptElsewhere } from "../parts/other_tabs";

/** Whether the browser lets the page show notifications: yes, no, not asked yet, or it has none. */
export type Permission = "granted" | "denied" | "default" | "none";

/** The title of each kind of alert. */
const HEADINGS: Readonly<Record<AlertKind, string>> = {
  patron: "New patron",
  message: "New in a session",
  transfer: "Transfer offered",
  im: "New message",
  connection: "Not connected",
};

/** The alerts of one librarian. */
export class Alerts {
  readonly #sound = new AlertSound();
  readonly #settings = signal<AlertSettings>(defaultAlerts);
  readonly #title = signal("");
  readonly #permission = signal<Permission>(permission());
  readonly #librarianId: ReadonlySignal<string | undefined>;
  /** Whether the browser stored the last change made here. */
  #isKept = true;

  /** How the librarian wants to be alerted. */
  readonly settings: ReadonlySignal<AlertSettings> = this.#settings;
  /** What the title of the tab says until the librarian looks at it; empty if nothing. */
  readonly title: ReadonlySignal<string> = this.#title;
  /** Whether the browser lets the page show notifications. */
  readonly permission: ReadonlySignal<Permission> = this.#permission;
  /** Whether the librarian wants sounds, but the browser plays none until they interact with the page. */
  readonly soundIsOff = computed(() => {
    const { volume, ways } = this.#settings.value;
    return this.#sound.locked.value && volume > 0 && ALERT_KINDS.some((kind) => ways[kind].sound);
  });

  /** `librarianId` is the librarian at the desk: each has their own settings. */
  constructor(librarianId: ReadonlySignal<string | undefined>) {
    this.#librarianId = librarianId;
    effect(() => {
      const id = librarianId.value;
      this.#isKept = true;
      this.#settings.value = id === undefined ? defaultAlerts : readAlerts(id);
      if (id === undefined) this.#title.value = "";
    });
    const key = () => (librarianId.value === undefined ? undefined : alertsKey(librarianId.value));
    onKeptElsewhere(key, () => {
      this.#settings.value = this.#latest();
    });
    onLook(() => {
      this.#title.value = "";
    });
  }

  /**
   * Alerts the librarian in the ways that they have chosen. `text` is for the system notification, which others may
   * see: it may have names, but never words of a conversation. A librarian who is looking at the page only hears the
   * sound.
   */
  ring(kind: AlertKind, text: string): void {
    const { volume, ways } = this.#settings.value;
    if (ways[kind].sound) this.#sound.play(kind, volume);
    if (isLookedAt()) return;
    // While the desk is cut off, `CutOff` sets the title.
    if (ways[kind].title && kind !== "connection") this.#title.value = HEADINGS[kind];
    if (ways[kind].desktop && this.#permission.value === "granted") notifySystem(kind, text);
  }

  /** Plays the sound of a kind, so that the librarian can choose its volume. */
  sample(kind: AlertKind): void {
    this.#sound.unlock();
    this.#sound.play(kind, this.#settings.value.volume);
  }

  /** Switches one way of alerting on or off. The browser asks the user for permission before the first notification. */
  async set(kind: AlertKind, way: AlertWay, on: boolean): Promise<void> {
    this.#change(switched(this.#latest(), kind, way, on));
    if (way !== "desktop" || !on || this.#permission.value !== "default") return;
    try {
      await Notification.requestPermission();
    } finally {
      this.#permission.value = permission();
    }
  }

  /** Sets how loud the sounds are, from 0 to 1. */
  setVolume(volume: number): void {
    this.#change({ ...this.#latest(), volume: Math.min(1, Math.max(0, volume)) });
  }

  /**
   * Returns the stored settings, which other tabs may have changed; or this page's, if the browser did not store them.
   */
  #latest(): AlertSettings {
    const id = this.#librarianId.value;
    return id === undefined || !this.#isKept ? this.#settings.value : readAlerts(id);
  }

  #change(settings: AlertSettings): void {
    this.#settings.value = settings;
    const id = this.#librarianId.value;
    if (id !== undefined) this.#isKept = writeAlerts(id, settings);
  }
}

function permission(): Permission {
  return typeof Notification === "undefined" ? "none" : Notification.permission;
}

function notifySystem(kind: AlertKind, text: string): void {
  try {
    // One notification of each kind is shown at a time: the page itself says how many there are.
    const shown = new Notification(`${HEADINGS[kind]} – Carrel`, { body: text, tag: `carrel-${kind}` });
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
  } catch {
    // Some browsers allow notifications for installed pages only.
  }
}

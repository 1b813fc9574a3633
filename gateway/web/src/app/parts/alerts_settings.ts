/** How each librarian wants to be alerted, stored in this browser separately for each (D32, K22). */

/**
 * What a librarian can be alerted to: a new patron, something new in a session, a transfer, another librarian's
 * message, and that the desk is cut off.
 */
export type AlertKind = "patron" | "message" | "transfer" | "im" | "connection";
/** A way of alerting: a sound, words in the tab's title, or a system notification. */
export type AlertWay = "sound" | "title" | "desktop";

/** What a librarian has chosen. */
export interface AlertSettings {
  /** How loud sounds are, from 0 to 1. */
  volume: number;
  /** Which ways are on for each kind. */
  ways: Readonly<Record<AlertKind, Readonly<Record<AlertWay, boolean>>>>;
}

/** All kinds, in the order in which they are shown. */
export const ALERT_KINDS: readonly AlertKind[] = ["patron", "message", "transfer", "im", "connection"];
/** All ways, in the order in which they are shown. */
export const ALERT_WAYS: readonly AlertWay[] = ["sound", "title", "desktop"];

/** The default volume of sounds. */
export const DEFAULT_VOLUME = 0.5;

/** Whether a value is a volume: a number from 0 to 1. */
export function isVolume(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= 1;
}

/** The default settings. System notifications are off, since the browser must grant them first. */
export const defaultAlerts: AlertSettings = {
  volume: DEFAULT_VOLUME,
  ways: {
    patron: { sound: true, title: true, desktop: false },
    message: { sound: true, title: true, desktop: false },
    transfer: { sound: true, title: true, desktop: false },
    im: { sound: true, title: true, desktop: false },
    connection: { sound: true, title: true, desktop: false },
  },
};

/** Returns the settings with one way of one kind switched on or off. */
export function switched(settings: AlertSettings, kind: AlertKind, way: AlertWay, on: boolean): AlertSettings {
  return { ...settings, ways: { ...settings.ways, [kind]: { ...settings.ways[kind], [way]: on } } };
}

/** Returns a librarian's settings in this browser. Missing or invalid ones have their defaults. */
export function readAlerts(librarianId: string): AlertSettings {
  try {
    return settingsFrom(JSON.parse(localStorage.getItem(alertsKey(librarianId)) ?? "null"));
  } catch {
    return defaultAlerts;
  }
}

/** Stores a librarian's settings in this browser, and returns whether it could. */
export function writeAlerts(librarianId: string, settings: AlertSettings): boolean {
  try {
    localStorage.setItem(alertsKey(librarianId), JSON.stringify(settings));
    return true;
  } catch {
    return false; // Storage is off or full: the choice holds until the page is left.
  }
}

/** Returns the storage key of a librarian's settings. */
export function alertsKey(librarianId: string): string {
  return `carrel.alerts.${librarianId}`;
}

function settingsFrom(stored: unknown): AlertSettings {
  if (typeof stored !== "object" || stored === null) return defaultAlerts;
  const { volume, ways } = stored as { volume?: unknown; ways?: Partial<Record<AlertKind, Record<string, unknown>>> };
  let settings = defaultAlerts;
  if (isVolume(volume)) settings = { ...settings, volume };
  for (const kind of ALERT_KINDS) {
    for (const way of ALERT_WAYS) {
      const on = ways?.[kind]?.[way];
      if (typeof on === "boolean") settings = switched(settings, kind, way, on);
    }
  }
  return settings;
}

/** How each librarian wants to be alerted, remembered in this browser for each of them by themselves (D32, K22). */

/**
 * Of what a librarian can be alerted: a new patron, something new in a session, a transfer, another librarian's message,
 * and that the desk is cut off.
 */
export type AlertKind = "patron" | "message" | "transfer" | "im" | "connection";
/** How: a sound, words in the tab's title, a notification of the system. */
export type AlertWay = "sound" | "title" | "desktop";

/** What a librarian has chosen. */
export interface AlertSettings {
  /** How loud sounds are, from 0 to 1. */
  volume: number;
  /** For each kind, which ways are on. */
  ways: Readonly<Record<AlertKind, Readonly<Record<AlertWay, boolean>>>>;
}

/** All kinds, in the order in which they are shown. */
export const ALERT_KINDS: readonly AlertKind[] = ["patron", "message", "transfer", "im", "connection"];
/** All ways, in the order in which they are shown. */
export const ALERT_WAYS: readonly AlertWay[] = ["sound", "title", "desktop"];

/** How loud sounds are for who has chosen nothing. */
export const DEFAULT_VOLUME = 0.5;

/** Whether something is a volume: how loud sounds are, from 0 to 1. */
export function isVolume(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= 1;
}

/** What holds for who has chosen nothing. The browser has to be asked before anything can stand outside of it. */
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

/** The settings with one way of one kind switched. */
export function switched(settings: AlertSettings, kind: AlertKind, way: AlertWay, on: boolean): AlertSettings {
  return { ...settings, ways: { ...settings.ways, [kind]: { ...settings.ways[kind], [way]: on } } };
}

/** The settings of a librarian in this browser. Whatever is missing or makes no sense is as it is by default. */
export function readAlerts(librarianId: string): AlertSettings {
  try {
    return settingsFrom(JSON.parse(localStorage.getItem(alertsKey(librarianId)) ?? "null"));
  } catch {
    return defaultAlerts;
  }
}

/** Remembers the settings of a librarian in this browser. Says whether it keeps them. */
export function writeAlerts(librarianId: string, settings: AlertSettings): boolean {
  try {
    localStorage.setItem(alertsKey(librarianId), JSON.stringify(settings));
    return true;
  } catch {
    return false; // Storage is switched off: the choice holds until the page is left.
  }
}

/** Under which key the browser keeps the settings of a librarian. */
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

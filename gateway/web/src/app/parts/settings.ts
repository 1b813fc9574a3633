/** A user's settings for this browser. Nothing about anyone's session is ever stored here. */
import { effect, signal } from "@preact/signals";
import { DEFAULT_VOLUME, isVolume } from "./alerts_settings";

/** Light, dark, or the system's setting. */
export type Theme = "system" | "light" | "dark";

const THEME = "carrel.theme";
const GUARD = "carrel.guard";
const HELP_KEY = "carrel.help-key";
const PATRON_SOUND = "carrel.patron-sound";
const PATRON_VOLUME = "carrel.patron-volume";
const QUEUES = "carrel.queues.";

/** The theme. */
export const theme = signal<Theme>(readTheme());
/** Whether to ask before sending a message that may be meant as a note. */
export const guard = signal(read(GUARD) !== "off");
/** Whether the key ? opens the list of shortcuts. */
export const helpKey = signal(read(HELP_KEY) !== "off");
/** Whether sounds call the patron. As for librarians, they are on by default. */
export const patronSound = signal(read(PATRON_SOUND) !== "off");
/** The volume of the patron's sounds, from 0 to 1. */
export const patronVolume = signal(readVolume());

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  write(THEME, theme.value === "system" ? "" : theme.value);
});
effect(() => write(GUARD, guard.value ? "" : "off"));
effect(() => write(HELP_KEY, helpKey.value ? "" : "off"));
effect(() => write(PATRON_SOUND, patronSound.value ? "" : "off"));
effect(() => write(PATRON_VOLUME, patronVolume.value === DEFAULT_VOLUME ? "" : String(patronVolume.value)));

/**
 * Returns the queues that a librarian last monitored from this browser. They are only suggested, never chosen (D27).
 */
export function lastQueues(librarianId: string): readonly string[] {
  try {
    const stored: unknown = JSON.parse(read(QUEUES + librarianId) ?? "[]");
    return Array.isArray(stored) ? stored.filter((id) => typeof id === "string") : [];
  } catch {
    return []; // Not a value that was written here.
  }
}

/** Stores the queues that a librarian monitors, for the next log-in. Choosing none, as at closing, changes nothing. */
export function rememberQueues(librarianId: string, queueIds: readonly string[]): void {
  if (librarianId !== "" && queueIds.length > 0) write(QUEUES + librarianId, JSON.stringify(queueIds));
}

function readTheme(): Theme {
  const stored = read(THEME);
  return stored === "light" || stored === "dark" ? stored : "system";
}

function readVolume(): number {
  const volume = Number(read(PATRON_VOLUME) || Number.NaN);
  return isVolume(volume) ? volume : DEFAULT_VOLUME;
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // Storage is switched off: the choice holds until the page is left.
  }
}

function write(key: string, value: string): void {
  try {
    if (value === "") localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}

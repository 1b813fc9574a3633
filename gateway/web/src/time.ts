/** Times, in the viewer's zone and words (R24). */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { computed } from "@preact/signals";
import { locale, texts } from "./texts/texts";

const FORMATS = computed(() => ({
  clock: new Intl.DateTimeFormat(locale.value, { hour: "2-digit", minute: "2-digit" }),
  exact: new Intl.DateTimeFormat(locale.value, { hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  day: new Intl.DateTimeFormat(locale.value, { day: "numeric", month: "short", year: "numeric" }),
  weekday: new Intl.DateTimeFormat(locale.value, { weekday: "long" }),
}));

const ONE_DAY = 86_400_000;

/** Milliseconds since 1970, or nothing. */
export function milliseconds(time: Timestamp | undefined): number | undefined {
  return time && timestampMs(time);
}

/** The time of day. */
export function clockTime(time: Timestamp | undefined): string {
  return time === undefined ? "" : FORMATS.value.clock.format(timestampMs(time));
}

/** The time of day to the second. */
export function exactTime(time: Timestamp): string {
  return FORMATS.value.exact.format(timestampMs(time));
}

/** The day and the time of day. */
export function dayAndTime(time: Timestamp | undefined): string {
  if (time === undefined) return "";
  const ms = timestampMs(time);
  return `${FORMATS.value.day.format(ms)}, ${FORMATS.value.clock.format(ms)}`;
}

/** When something will be: the time of day, with "today", "tomorrow", the weekday (within six days) or the date. */
export function comingTime(time: Timestamp, now: number): string {
  const ms = timestampMs(time);
  const clock = FORMATS.value.clock.format(ms);
  if (FORMATS.value.day.format(ms) === FORMATS.value.day.format(now)) return texts().time.today(clock);
  if (FORMATS.value.day.format(ms) === FORMATS.value.day.format(now + ONE_DAY)) return texts().time.tomorrow(clock);
  const isNear = ms - now < 6 * ONE_DAY;
  if (isNear) return texts().time.onWeekday(FORMATS.value.weekday.format(ms), clock);
  return texts().time.on(FORMATS.value.day.format(ms), clock);
}

/** When something was, of late: the time of day, with "today", "yesterday" or the date. */
export function recentTime(ms: number, now: number): string {
  const clock = FORMATS.value.clock.format(ms);
  if (FORMATS.value.day.format(ms) === FORMATS.value.day.format(now)) return texts().time.today(clock);
  if (FORMATS.value.day.format(ms) === FORMATS.value.day.format(now - ONE_DAY)) return texts().time.yesterday(clock);
  return texts().time.on(FORMATS.value.day.format(ms), clock);
}

/** The day, or nothing. */
export function day(time: Timestamp | undefined): string {
  return time === undefined ? "" : FORMATS.value.day.format(timestampMs(time));
}

/** When something was: the time of day if it was today, else the day. */
export function pastTime(time: Timestamp | undefined, now: number): string {
  return day(time) === FORMATS.value.day.format(now) ? clockTime(time) : day(time);
}

/** The machine-readable form of a time, for the `time` element. */
export function machineTime(time: Timestamp | undefined): string {
  return time === undefined ? "" : new Date(timestampMs(time)).toISOString();
}

/** A span of time in words: "42 s", "3 min", "1 h 5 min". */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A span of time, of the shorter ones to the second: "42 s", "3 min 7 s", "12 min", "1 h 5 min". */
export function spanToTheSecond(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const isShort = seconds >= 100 && seconds < 600 && seconds % 60 !== 0;
  return isShort ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : span(seconds * 1_000);
}

/** A span of time to the minute: "less than 1 min", "3 min", "1 h 5 min". */
export function roughly(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes === 0) return "less than 1 min";
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A span of time as a running clock shows it: "0:42", "3:07", "1:02:09". */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (number: number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** Small drawings. They are never the only sign of anything: a word stands beside each of them. */

const PATHS = {
  alert: "M12 3 2.5 20h19L12 3Zm0 6v5m0 3v.01",
  arrow: "M5 12h14m-6-6 6 6-6 6",
  back: "M19 12H5m6-6-6 6 6 6",
  bell: "M6 16v-5a6 6 0 1 1 12 0v5l1.5 2h-15L6 16Zm4 5h4",
  book: "M5 4h6a3 3 0 0 1 3 3v13a2 2 0 0 0-2-2H5V4Zm9 3a3 3 0 0 1 3-3h2v14h-3a2 2 0 0 0-2 2",
  check: "m5 12.5 4.5 4.5L19 7.5",
  clock: "M12 7v5l3 2m6-2a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  close: "M6 6l12 12M18 6 6 18",
  down: "m6 9 6 6 6-6",
  elsewhere: "M7 17 17 7m0 0H9m8 0v8",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Zm9.5 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  file: "M7 3h7l4 4v14H7V3Zm7 0v4h4M10 12h5m-5 4h5",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4.2 4.2 0 0 0-6-6l-1 1m2 4a4 4 0 0 0-6 0l-3 3a4.2 4.2 0 0 0 6 6l1-1",
  lock: "M7 11V8a5 5 0 0 1 10 0v3m-11 0h12v9H6v-9Z",
  monitor: "M3 5h18v11H3V5Zm6 15h6m-3-4v4",
  moon: "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5Z",
  more: "M5 12v.01M12 12v.01M19 12v.01",
  note: "M5 4h14v11l-5 5H5V4Zm14 11h-5v5M9 9h6m-6 4h3",
  pen: "m4 20 1-4L16.5 4.5l3 3L8 19l-4 1Zm10-13 3 3",
  print: "M7 8V3h10v5M7 17H4V8h16v9h-3m-10-3h10v7H7v-7Z",
  scripts: "M4 5h16v11h-9l-4 4v-4H4V5Zm4 4h8m-8 3h5",
  send: "M4 12 20 4l-5 16-3.5-6.5L4 12Z",
  settings: "M4 7h9m4 0h3M4 17h3m4 0h9M15 5v4M9 15v4",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5v1.5m0 15V21M3 12h1.5m15 0H21M5.6 5.6l1.1 1.1m10.6 10.6 1.1 1.1m0-12.8-1.1 1.1M6.7 17.3l-1.1 1.1",
  transfer: "M4 8h13m-4-4 4 4-4 4m7 4H7m4-4-4 4 4 4",
} as const;

/** The name of a drawing. */
export type IconName = keyof typeof PATHS;

/** A drawing in the size and colour of the text around it. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

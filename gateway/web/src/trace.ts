/** The trace context of a tab's frames, by which the operators of Carrel can follow what was done. */

function hexadecimal(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * One trace for all frames of a tab while its page is loaded, including those after a lost connection, so that a
 * reconnection can be followed. The id is new for each page load and not stored; the gateway links to it and discloses
 * it to nobody.
 */
export class Visit {
  readonly #id = hexadecimal(16);

  /** Returns the W3C traceparent of the next frame. The gateway decides whether it is traced. */
  frame(): string {
    return `00-${this.#id}-${hexadecimal(8)}-00`;
  }
}

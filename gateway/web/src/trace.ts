/** What a tab says that its frames belong to, so that those who operate Carrel can follow one thing that was done. */

function hexadecimal(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The frames of one tab, from when its page was loaded until it is left: also those after a lost connection, so that
 * coming back can be followed. The id is made anew each time and kept nowhere; the gateway links to it and tells it nobody.
 */
export class Visit {
  readonly #id = hexadecimal(16);

  /** The W3C traceparent of one more frame. Whether it is traced is for the gateway to decide. */
  frame(): string {
    return `00-${this.#id}-${hexadecimal(8)}-00`;
  }
}

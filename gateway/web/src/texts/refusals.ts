/**
 * Why a patron's act was refused, in a language that the server does not speak. The server says it in English itself.
 */

/** The words for refusals, by the server's reason. A patron who uses the page can meet no others, but for faults. */
export interface Refusals {
  EMPTY: string;
  /** `limit` is how many characters there may be, if the server says it. */
  TOO_LONG: (limit: number | undefined) => string;
  CONTROL_CHARACTER: string;
  BAD_EMAIL: string;
  TOO_FAST: string;
  TOO_MANY_ATTEMPTS: string;
  SESSION_FULL: string;
  ENDED: string;
  ERASED: string;
  NOT_FOUND: string;
  /** The patron is let in no longer. */
  UNAUTHENTICATED: string;
  /** It was too much at once. */
  RESOURCE_EXHAUSTED: string;
  /** One field is wrong in a way that has no words here. */
  field: string;
  /** The server could not say what became of it. */
  unknown: string;
  /** It was certainly not done, for a reason that has no words here. */
  other: string;
}

/** A patron's way into their session, which the tab remembers over a reload. */
import type { HeldToken } from "../token";
import { recall } from "./tab_storage";

/** The session, and the token that lets the patron take part in it. */
export interface Admission {
  sessionId: string;
  token: HeldToken;
}

/** The admission that is stored under a key. */
export function recallAdmission(key: string): Admission | undefined {
  return recall(key, isAdmission);
}

function isAdmission(value: unknown): value is Admission {
  if (typeof value !== "object" || value === null) return false;
  const { sessionId, token } = value as Partial<Admission>;
  return typeof sessionId === "string" && typeof token?.accessToken === "string";
}

/** What staff call a patron, so that two who gave no name are never taken for each other. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { exactTime } from "./time";

/** What is known of a session's patron. */
export interface PatronFacts {
  patronName: string;
  openTime?: Timestamp | undefined;
}

/**
 * Returns what to call a session's patron: their name or, if they gave none, when they asked: "Patron 08:03:27". That is
 * the same on every desk and after every reload, so colleagues who speak of a patron mean the same one. `otherwise` is
 * for a session of which neither is known yet.
 */
export function patronOf(facts: PatronFacts | undefined, otherwise = "Patron"): string {
  if (facts?.patronName) return facts.patronName;
  return facts?.openTime ? `Patron ${exactTime(facts.openTime)}` : otherwise;
}

/** What staff call a patron, so that those who gave no name can be told apart. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { exactTime } from "./time";

/** What is known of a session's patron. */
export interface PatronFacts {
  patronName: string;
  openTime?: Timestamp | undefined;
}

/**
 * Returns what to call a session's patron: their name or, if they gave none, when they asked: "Patron 08:03:27". That
 * stays the same after a reload, and is the same on every desk in the same time zone; elsewhere the hour differs, and
 * the viewer's language may write the time in another way. Two who gave no name and asked within the same second are
 * called the same. `otherwise` is for a session of which neither is known yet.
 */
export function patronOf(facts: PatronFacts | undefined, otherwise = "Patron"): string {
  if (facts?.patronName) return facts.patronName;
  return facts?.openTime ? `Patron ${exactTime(facts.openTime)}` : otherwise;
}

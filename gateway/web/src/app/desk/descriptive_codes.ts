/** What ended sessions were about, by the patron's library's own list (D41, D65). */
import type { LibraryPolicy } from "../../gen/carrel/directory/v1/directory_service_pb";
import { withoutCase } from "../../without_case";
import type { Policies } from "./policies";

/** How many a session can have. */
export const MAX_CODES = 4;

/** Returns whether two codes are the same but for upper and lower case, as a library's list never has them. */
export function sameCode(one: string, other: string): boolean {
  return withoutCase(one) === withoutCase(other);
}

/** Returns whether two lists have the same codes, in whatever order. */
export function sameCodes(before: readonly string[], after: readonly string[]): boolean {
  return before.length === after.length && after.every((code) => before.includes(code));
}

/** Returns what is known of a library's codes, if anything has been read of it. */
export function codesOf(
  policies: Policies,
  institutionId: string | undefined,
): Pick<LibraryPolicy, "descriptiveCodes" | "codeList"> | undefined {
  return policies.all.value?.find((one) => one.institutionId === institutionId);
}

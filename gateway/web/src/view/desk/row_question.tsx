import type { SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { beginningOf } from "../../words";
import { length } from "../parts/text_box";

/** How many characters of a question or a text a row shows: a screen reader reads all of them, whatever is in sight. */
export const PREVIEWED = 200;

/** How many characters of a question tell apart two patrons who gave no name. */
const FEW_WORDS = 60;

/**
 * A few words of the question of a patron who gave no name, where the row shows something else of the session (K29).
 */
export function NamelessQuestion({ of }: { of: { patronName: string; question: string } }) {
  if (of.patronName !== "" || of.question === "") return null;
  return <span class="row-asked">asked “{beginningOf(of.question, FEW_WORDS)}”</span>;
}

/** How many characters of a question the server sends in a list. */
const TOLD = 1_000;

/** Whether a row may hold only the beginning of its question, or of what was added to it. */
export function isBeginning({ question, added }: SessionRow): boolean {
  // One more line needs two characters of room, so that the row may have one left.
  return length(question) >= TOLD || length(added) >= TOLD - 1;
}

/** Returns a question and what the patron has added to it. */
export function withAdded({ question, added }: SessionRow): string {
  return added === "" ? question : `${question}\n${added}`;
}

/** Says that a question may go on beyond what its row holds, and where the rest is. */
export function BeginningOnly({ row }: { row: SessionRow }) {
  if (!isBeginning(row)) return null;
  const of = length(row.question) < TOLD ? " of what was added" : "";
  return <p class="hint">These are the first 1,000 characters{of}. The whole question is in the session.</p>;
}

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

/** Whether a row may hold only the beginning of its question. */
export function isBeginning({ question }: SessionRow): boolean {
  return length(question) >= TOLD;
}

/** Says that a question may go on beyond what its row holds, and where the rest is. */
export function BeginningOnly({ row }: { row: SessionRow }) {
  if (!isBeginning(row)) return null;
  return <p class="hint">These are the first 1,000 characters. The whole question is in the session.</p>;
}

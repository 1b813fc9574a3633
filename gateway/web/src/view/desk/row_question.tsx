import type { SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { length } from "../parts/text_box";

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

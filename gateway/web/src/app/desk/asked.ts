/** The questions that the desk asks in a dialog. */
import type { SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import type { Confirmation } from "../parts/confirmation";

/** A question of the desk, which must be answered before anything else. */
export type Asked =
  | { kind: "warning"; row: SessionRow }
  | { kind: "question"; row: SessionRow }
  | { kind: "end"; sessionId: string }
  | { kind: "guard"; sessionId: string; note: number }
  | { kind: "transfer"; sessionId: string; librarianId: string | undefined }
  | { kind: "confirmation"; of: Confirmation }
  | { kind: "log-out" }
  | { kind: "queues" }
  | { kind: "alerts" }
  | { kind: "shortcuts" };

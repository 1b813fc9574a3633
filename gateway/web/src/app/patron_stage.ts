/** What a patron's page shows, by what is known of their session and its connection. */
import type { Phase } from "../connection";
import { SessionState } from "../gen/carrel/session/v1/session_pb";
import type { SessionView } from "../state/session";

/** What the page shows. */
export type Stage = "form" | "opening" | "returning" | "waiting" | "chatting" | "ended" | "lost";

/** What the page shows of a session. `busy` is whether the patron has just sent their question. */
export function stageOf(view: SessionView | undefined, phase: Phase["name"], busy: boolean): Stage {
  if (view === undefined) return "form";
  if (view.session === undefined) {
    if (view.outgoing.some((out) => out.status === "failed")) return "form";
    const isSent = view.outgoing.length > 0;
    // What is on its way on a connection that was rejected stays so until the patron sends it again.
    if (busy || (isSent && phase !== "rejected")) return "opening";
    return isSent || view.refusal !== undefined ? "form" : "returning";
  }
  if (view.session.state === SessionState.ENDED) return "ended";
  if (phase === "expired" || view.refusal !== undefined) return "lost";
  return view.session.state === SessionState.WAITING ? "waiting" : "chatting";
}

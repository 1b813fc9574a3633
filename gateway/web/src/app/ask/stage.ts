/** What a patron page shows, depending on the session and the connection. */
import type { Phase } from "../../connection";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import type { SessionView } from "../../state/session";

/** The stages of the page. */
export type Stage = "form" | "remembered" | "opening" | "returning" | "waiting" | "chatting" | "ended" | "lost";

/**
 * Returns the stage for a session. `busy` is whether the patron has just sent their question, `offers` whether there is
 * another chat that they may go on with.
 */
export function stageOf(view: SessionView | undefined, phase: Phase["name"], busy: boolean, offers: boolean): Stage {
  if (view === undefined) return offers ? "remembered" : "form";
  if (view.session === undefined) {
    if (view.outgoing.some((out) => out.status === "failed")) return "form";
    const isSent = view.outgoing.length > 0;
    // What was in flight on a rejected connection stays unanswered until the patron sends it again.
    if (busy || (isSent && phase !== "rejected")) return "opening";
    return isSent || view.refusal !== undefined ? "form" : "returning";
  }
  if (view.session.state === SessionState.ENDED) return "ended";
  if (phase === "expired" || view.refusal !== undefined) return "lost";
  return view.session.state === SessionState.WAITING ? "waiting" : "chatting";
}

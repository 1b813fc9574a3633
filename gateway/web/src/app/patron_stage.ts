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
    if (view.outgoing.length > 0 || busy) return "opening";
    return view.refusal === undefined ? "returning" : "form";
  }
  if (view.session.state === SessionState.ENDED) return "ended";
  if (phase === "expired" || view.refusal !== undefined) return "lost";
  return view.session.state === SessionState.WAITING ? "waiting" : "chatting";
}

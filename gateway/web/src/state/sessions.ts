/** All sessions that the page holds, by id. */
import type { ClientFrame, ServerFrame } from "../gen/carrel/gateway/v1/frames_pb";
import { reduceSession, type SessionInput, type SessionView, unknownSession } from "./session";

/** The sessions. */
export type Sessions = ReadonlyMap<string, SessionView>;

/** The sessions after a change, and the frames that the change asks for. */
export type SessionsStep = [Sessions, ClientFrame[]];

/** Applies an input to one session, which is created if the page does not hold it. */
export function toSession(sessions: Sessions, sessionId: string, input: SessionInput, now: number): SessionsStep {
  const before = sessions.get(sessionId) ?? unknownSession(sessionId);
  const [after, frames] = reduceSession(before, input, now);
  if (after === sessions.get(sessionId)) return [sessions, frames];
  return [new Map(sessions).set(sessionId, after), frames];
}

/** Applies an input to every session. */
export function toAll(sessions: Sessions, input: SessionInput, now: number): SessionsStep {
  let next = sessions;
  const frames: ClientFrame[] = [];
  for (const sessionId of sessions.keys()) {
    const [changed, sent] = toSession(next, sessionId, input, now);
    next = changed;
    frames.push(...sent);
  }
  return [next, frames];
}

/** Applies a frame from the gateway. A frame for a session that the page does not hold changes nothing. */
export function reduceSessions(sessions: Sessions, { frame }: ServerFrame, now: number): SessionsStep {
  const to = (sessionId: string, input: SessionInput): SessionsStep =>
    sessions.has(sessionId) ? toSession(sessions, sessionId, input, now) : [sessions, []];
  switch (frame.case) {
    case "attending":
      return frame.value.joined === undefined
        ? [sessions, []]
        : to(frame.value.sessionId, { kind: "attending", joined: frame.value.joined });
    case "event":
      return frame.value.event === undefined
        ? [sessions, []]
        : to(frame.value.sessionId, { kind: "event", event: frame.value.event });
    case "accepted": {
      const { sessionId, commandId, position } = frame.value;
      return to(sessionId, { kind: "accepted", commandId, position: Number(position) });
    }
    case "refused": {
      const { sessionId, commandId, refusal } = frame.value;
      return refusal === undefined ? [sessions, []] : to(sessionId, { kind: "refused", commandId, refusal });
    }
    case "head":
      return to(frame.value.sessionId, { kind: "head", number: Number(frame.value.number) });
    case "waiting":
      return to(frame.value.sessionId, { kind: "waiting", ahead: frame.value.status?.ahead ?? 0 });
    case "detached":
      return to(frame.value.sessionId, { kind: "detached", refusal: frame.value.refusal });
    default:
      return [sessions, []];
  }
}

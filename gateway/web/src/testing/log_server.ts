/** A fake log of a session with its gateway, as seen by one reader. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Act, type ClientFrame, type ServerFrame, ServerFrameSchema } from "../gen/carrel/gateway/v1/frames_pb";
import { type Refusal, RefusalSchema } from "../gen/carrel/refusal/v1/refusal_pb";
import { type SessionEvent, SessionEventSchema } from "../gen/carrel/session/v1/session_event_pb";
import {
  Audience,
  Part,
  PersonSchema,
  PositionSchema,
  SessionSchema,
  SessionState,
} from "../gen/carrel/session/v1/session_pb";
import { JoinedSchema } from "../gen/carrel/session/v1/session_service_pb";

type Payload = SessionEvent["payload"];

/** What a server frame may contain. */
type Frame = Exclude<ServerFrame["frame"], { case: undefined }>;

/** Returns a frame from the gateway. */
export function serverFrame(frame: Frame): ServerFrame {
  const message = create(ServerFrameSchema);
  message.frame = frame;
  return message;
}

/** One log. It does each command once, and gives the reader the events after their position. */
export class LogServer {
  readonly events: SessionEvent[] = [];
  readonly #done = new Map<string, number>();
  #epoch = 1;
  #erasedUpTo = 0;
  /** The refusal of every act behind one of unknown outcome, until the session is attended again. */
  #interrupted: Refusal | undefined;
  /** The message that the log refuses, however often it is sent. */
  refuses: string | undefined;
  /** If set, the outcome of the next act is not reported; this is whether it is done. */
  open: "done" | "not done" | undefined;

  constructor(
    readonly sessionId: string,
    private readonly reader: { part: Part; name: string },
  ) {}

  /** Appends an event. */
  append(part: Part, name: string, payload: Payload): SessionEvent {
    const event = create(SessionEventSchema, {
      position: BigInt(this.events.length + 1),
      author: create(PersonSchema, { part, name }),
    });
    event.payload = payload;
    this.events.push(event);
    return event;
  }

  /** Erases all events and appends one that says so. */
  erase(): SessionEvent {
    this.#erasedUpTo = this.events.length;
    const position = BigInt(this.events.length + 1);
    const event = create(SessionEventSchema, { position, time: timestampFromMs(1_000) });
    event.payload = { case: "erased", value: { $typeName: "carrel.session.v1.SessionErased" } };
    this.events.push(event);
    return event;
  }

  /** Takes the patron's name from all events, and appends one that says so. */
  eraseIdentity(): SessionEvent {
    for (const [index, event] of this.events.entries()) {
      if (event.author?.part !== Part.PATRON) continue;
      this.events[index] = create(SessionEventSchema, {
        ...event,
        author: create(PersonSchema, { part: Part.PATRON }),
      });
    }
    const position = BigInt(this.events.length + 1);
    const event = create(SessionEventSchema, { position, time: timestampFromMs(1_000) });
    event.payload = { case: "identityErased", value: { $typeName: "carrel.session.v1.PatronIdentityErased" } };
    this.events.push(event);
    return event;
  }

  /** Replaces the log by one of another epoch that has only the first `count` events. */
  restore(count: number): void {
    this.events.length = Math.min(count, this.events.length);
    for (const [command, position] of this.#done) if (position > this.events.length) this.#done.delete(command);
    this.#epoch += 1;
  }

  /** Returns the gateway's answer to a frame and what it then delivers. */
  handle({ frame }: ClientFrame): ServerFrame[] {
    if (frame.case === "attend") return this.#attend(frame.value.after);
    if (frame.case !== "act") return [];
    const { commandId, sessionId, act } = frame.value;
    if (this.#interrupted !== undefined) return [this.#unknown(commandId, this.#interrupted)];
    if (this.open !== undefined) return this.#leaveOpen(frame.value);
    if (act.case === "postMessage" && act.value.text === this.refuses) {
      return this.#interrupt(commandId, create(RefusalSchema, { code: 13, reason: "LOG_REFUSED" }));
    }
    const before = this.#done.get(commandId);
    const frames: ServerFrame[] = [];
    let position = before;
    if (position === undefined) {
      if (act.case !== "postMessage") return [];
      const event = this.append(this.reader.part, this.reader.name, {
        case: "message",
        value: { $typeName: "carrel.session.v1.MessagePosted", text: act.value.text },
      });
      position = Number(event.position);
      this.#done.set(commandId, position);
      frames.push(this.eventFrame(event));
    }
    const value = { commandId, sessionId, position: BigInt(position), replayed: before !== undefined };
    frames.push(serverFrame({ case: "accepted", value: { $typeName: "carrel.gateway.v1.Accepted", ...value } }));
    return frames;
  }

  /** Returns the frame that delivers an event. */
  eventFrame(event: SessionEvent): ServerFrame {
    const value = { sessionId: this.sessionId, event };
    return serverFrame({ case: "event", value: { $typeName: "carrel.gateway.v1.SessionEvent", ...value } });
  }

  /** Returns the frame that gives the log's head. */
  headFrame(): ServerFrame {
    const value = { sessionId: this.sessionId, number: BigInt(this.events.length) };
    return serverFrame({ case: "head", value: { $typeName: "carrel.gateway.v1.Head", ...value } });
  }

  #leaveOpen({ commandId, act }: Act): ServerFrame[] {
    if (this.open === "done" && act.case === "postMessage" && !this.#done.has(commandId)) {
      const { text } = act.value;
      const value = { $typeName: "carrel.session.v1.MessagePosted", text } as const;
      const { position } = this.append(this.reader.part, this.reader.name, { case: "message", value });
      this.#done.set(commandId, Number(position));
    }
    this.open = undefined;
    return this.#interrupt(commandId, create(RefusalSchema, { code: 14, reason: "LOG_UNAVAILABLE" }));
  }

  #interrupt(commandId: string, why: Refusal): ServerFrame[] {
    this.#interrupted = why;
    const refusal = create(RefusalSchema, { code: 14, reason: "INTERRUPTED" });
    const value = { $typeName: "carrel.gateway.v1.Detached", sessionId: this.sessionId, refusal } as const;
    return [this.#unknown(commandId, why), serverFrame({ case: "detached", value })];
  }

  #unknown(commandId: string, refusal: Refusal): ServerFrame {
    const value = { $typeName: "carrel.gateway.v1.Refused", commandId, sessionId: this.sessionId, refusal } as const;
    return serverFrame({ case: "refused", value });
  }

  #attend(after: { epoch: string; number: bigint } | undefined): ServerFrame[] {
    this.#interrupted = undefined;
    const epoch = String(this.#epoch);
    const isThere = (number: bigint) => number <= BigInt(this.events.length) && number >= BigInt(this.#erasedUpTo);
    const resync = after !== undefined && (after.epoch !== epoch || !isThere(after.number));
    const from = after === undefined || resync ? this.#erasedUpTo : Number(after.number);
    const joined = create(JoinedSchema, {
      session: create(SessionSchema, { sessionId: this.sessionId, state: SessionState.ACTIVE }),
      head: create(PositionSchema, { epoch, number: BigInt(this.events.length) }),
      audience: Audience.PATRON,
      part: this.reader.part,
      resync,
      erasedUpTo: BigInt(this.#erasedUpTo),
    });
    const value = { sessionId: this.sessionId, joined };
    return [
      serverFrame({ case: "attending", value: { $typeName: "carrel.gateway.v1.Attending", ...value } }),
      ...this.events.slice(from).map((event) => this.eventFrame(event)),
    ];
  }
}

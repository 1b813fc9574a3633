/** What the patron page and the chat monitor share: a connection, the sessions on it, and who is typing. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { renew, serverNow } from "../../api";
import { newCommandId } from "../../command_id";
import { type Connection, idle } from "../../connection";
import type { ServerFrame } from "../../gen/carrel/gateway/v1/frames_pb";
import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import { Audience } from "../../gen/carrel/session/v1/session_pb";
import { GatewaySocket, type SocketParts } from "../../socket";
import type { SessionInput, SessionView } from "../../state/session";
import { reduceSessions, type Sessions, toAll, toSession } from "../../state/sessions";
import { expireTyping, noteTyping, stopTyping, type Typist } from "../../state/typing";
import type { HeldToken } from "../../token";
import { type ClientFrameInit, clientFrame, type Deed } from "../../wire";

/** Callbacks for what happens on a link. */
export interface LinkListener {
  /** There is a new connection. Called before sessions are attended again. */
  ready: () => void;
  /** A frame was received and has been applied to the sessions. */
  frame: (frame: ServerFrame) => void;
  /** An event is new to this page, and is not history. */
  news: (sessionId: string, event: SessionEvent) => void;
  /** There is a fresh token to keep. */
  token: (token: HeldToken) => void;
  /** A second has passed. */
  tick: () => void;
}

/** How long a message may be, until the server has said. */
const TEXT_LIMIT = 4_000;
/** The least time between two typing signs to the gateway. */
const TYPING_PAUSE = 3_000;

/** How long a command may be without an answer, and the server silent, before the connection is in doubt. */
const ANSWER_PATIENCE = 5_000;
/** How long a doubt lasts before the page shows it: mostly, the answer to the ping ends it at once. */
const DOUBT_SHOWN = 1_000;

/** What a socket to the gateway of this page depends on. */
export function socketParts(): SocketParts {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return { address: `${scheme}//${location.host}/v1/socket`, now: Date.now, serverNow, random: Math.random, renew };
}

/** A page's link to the gateway. */
export class Link {
  readonly #connection = signal<Connection>(idle);
  readonly #sessions = signal<Sessions>(new Map());
  readonly #typists = signal<readonly Typist[]>([]);
  readonly #textLimit = signal(TEXT_LIMIT);
  readonly #now = signal(serverNow());
  readonly #localNow = signal(Date.now());
  readonly #online = signal(navigator.onLine);
  readonly #typed = new Map<string, number>();
  readonly #socket: GatewaySocket;

  /** The state of the connection. */
  readonly connection: ReadonlySignal<Connection> = this.#connection;
  /** Whether there is a connection. */
  readonly isConnected = computed(() => this.#connection.value.phase.name === "connected");
  /** Whether a connection that is not known to be lost has been in doubt for long enough to say so. */
  readonly isInDoubt = computed(() => {
    const { phase } = this.#connection.value;
    if (phase.name !== "connected" || phase.doubtedSince === undefined) return false;
    return this.#localNow.value - phase.doubtedSince >= DOUBT_SHOWN;
  });
  /** Whether nothing can be sent until the page is reloaded. */
  readonly isStuck = computed(() => this.#connection.value.phase.name === "rejected");
  /** Whether the device itself has a network. */
  readonly online: ReadonlySignal<boolean> = this.#online;
  /** The sessions that the page holds. */
  readonly sessions: ReadonlySignal<Sessions> = this.#sessions;
  /** Who is typing. */
  readonly typists: ReadonlySignal<readonly Typist[]> = this.#typists;
  /** How long a message may be. */
  readonly textLimit: ReadonlySignal<number> = this.#textLimit;
  /** The server's time, updated each second. */
  readonly now: ReadonlySignal<number> = this.#now;
  /** This browser's own time, updated each second, for what is timed in this browser. */
  readonly localNow: ReadonlySignal<number> = this.#localNow;

  constructor(private readonly listener: LinkListener) {
    this.#socket = new GatewaySocket(socketParts(), {
      changed: (connection) => this.#changed(connection),
      ready: () => this.#ready(),
      frame: (frame) => this.#received(frame),
      token: (token) => listener.token(token),
    });
    setInterval(() => this.#tick(), 1_000);
    addEventListener("online", () => this.#network(true));
    addEventListener("offline", () => this.#network(false));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#socket.wake();
    });
  }

  /** Connects, and stays connected. */
  start(token: HeldToken): void {
    this.#socket.start(token);
  }

  /** Disconnects. The sessions stay as they are. */
  stop(): void {
    this.#socket.stop();
  }

  /** Tries at once to reconnect. */
  tryNow(): void {
    this.#socket.tryNow();
  }

  /** Sends a frame. Without a connection it is dropped: what must not be lost goes through a session. */
  send(frame: ClientFrameInit): void {
    this.#socket.send(clientFrame(frame));
  }

  /** Applies an input to a session, which the page then holds. */
  input(sessionId: string, input: SessionInput): void {
    this.#apply(toSession(this.#sessions.value, sessionId, input, Date.now()));
  }

  /** Does something in a session, and returns the command's id. */
  act(sessionId: string, deed: Deed): string {
    const commandId = newCommandId();
    this.input(sessionId, { kind: "send", commandId, deed });
    return commandId;
  }

  /** Holds a session as given, unless the page holds it already. */
  hold(view: SessionView): void {
    if (this.#sessions.value.has(view.sessionId)) return;
    this.#sessions.value = new Map(this.#sessions.value).set(view.sessionId, view);
  }

  /** Releases a session, which goes on without this page. */
  release(sessionId: string): void {
    const sessions = new Map(this.#sessions.value);
    if (!sessions.delete(sessionId)) return;
    this.#sessions.value = sessions;
    for (const box of [Audience.PATRON, Audience.STAFF]) this.#typed.delete(typedIn(box, sessionId));
    this.send({ case: "detach", value: { sessionId } });
  }

  /** Releases all sessions. */
  forget(): void {
    this.#sessions.value = new Map();
    this.#typists.value = [];
    this.#typed.clear();
  }

  /** Tells the others that the user is typing, at most once every few seconds. */
  typing(sessionId: string, box: Audience): void {
    const key = typedIn(box, sessionId);
    const now = Date.now();
    if (now - (this.#typed.get(key) ?? 0) < TYPING_PAUSE) return;
    this.#typed.set(key, now);
    this.send({ case: "typing", value: { sessionId, box } });
  }

  #apply([sessions, frames]: ReturnType<typeof toAll>): void {
    this.#sessions.value = sessions;
    for (const frame of frames) this.#socket.send(frame);
  }

  #changed(connection: Connection): void {
    const before = this.#connection.value.phase.name;
    this.#connection.value = connection;
    if (before === "connected" && connection.phase.name !== "connected") {
      this.#typists.value = [];
      this.#apply(toAll(this.#sessions.value, { kind: "disconnected" }, Date.now()));
    }
  }

  #ready(): void {
    this.listener.ready();
    this.#apply(toAll(this.#sessions.value, { kind: "connected" }, Date.now()));
  }

  #received(frame: ServerFrame): void {
    const now = Date.now();
    const { frame: what } = frame;
    const before = this.#sessions.value;
    this.#apply(reduceSessions(before, frame, now));
    if (what.case === "welcome" && what.value.textLimit > 0) this.#textLimit.value = what.value.textLimit;
    if (what.case === "typing") this.#typists.value = noteTyping(this.#typists.value, what.value, now);
    if (what.case === "event" && what.value.event !== undefined) {
      const { sessionId, event } = what.value;
      this.#typists.value = stopTyping(this.#typists.value, sessionId, event);
      const after = this.#sessions.value.get(sessionId);
      const isNew = after !== undefined && after.events.length > (before.get(sessionId)?.events.length ?? 0);
      if (isNew && after.events.length > after.history) this.listener.news(sessionId, event);
    }
    this.listener.frame(frame);
  }

  #network(online: boolean): void {
    this.#online.value = online;
    if (online) this.#socket.wake();
    else this.#socket.doubt();
  }

  /** Whether something that was sent has had no answer for a while, during which nothing else was heard either. */
  #isUnanswered(now: number): boolean {
    const { phase } = this.#connection.value;
    if (phase.name !== "connected" || now - phase.lastHeard < ANSWER_PATIENCE) return false;
    return [...this.#sessions.value.values()].some(({ outgoing }) =>
      outgoing.some(
        ({ status, resendAt, since }) =>
          status === "sending" && resendAt === undefined && now - since >= ANSWER_PATIENCE,
      ),
    );
  }

  #tick(): void {
    const now = Date.now();
    this.#now.value = serverNow();
    this.#localNow.value = now;
    this.#typists.value = expireTyping(this.#typists.value, now);
    if (this.isConnected.value) this.#apply(toAll(this.#sessions.value, { kind: "tick" }, now));
    if (this.#isUnanswered(now)) this.#socket.doubt();
    this.listener.tick();
  }
}

function typedIn(box: Audience, sessionId: string): string {
  return `${box}/${sessionId}`;
}

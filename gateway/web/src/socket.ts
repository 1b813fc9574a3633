/**
 * The I/O around `connection.ts`: carries out the effects of its step function, and reports events to it.
 */
import type { RenewOutcome } from "./api";
import { type Connection, type ConnectionEffect, type ConnectionEvent, idle, step } from "./connection";
import type { ClientFrame, ServerFrame } from "./gen/carrel/gateway/v1/frames_pb";
import { type HeldToken, held } from "./token";
import { Visit } from "./trace";
import { clientFrame, decode, encode, SUB_PROTOCOL } from "./wire";

/** What the socket depends on. */
export interface SocketParts {
  address: string;
  now: () => number;
  /** The server's time, as far as it is known. */
  serverNow: () => number;
  random: () => number;
  renew: (accessToken: string) => Promise<RenewOutcome>;
}

/** Callbacks for what happens on the socket. */
export interface SocketListener {
  /** The connection's state has changed. */
  changed: (connection: Connection) => void;
  /** A Welcome was received: everything must be requested again. */
  ready: () => void;
  /** A frame of any kind was received. For a Welcome, this is called before `ready`. */
  frame: (frame: ServerFrame) => void;
  /** There is a fresh token to keep. */
  token: (token: HeldToken) => void;
}

const TICK = 1_000;

/** One browser's connection to the gateway, which reconnects by itself. */
export class GatewaySocket {
  #connection: Connection = idle;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #pings = 0n;
  readonly #visit = new Visit();

  constructor(
    private readonly parts: SocketParts,
    private readonly listener: SocketListener,
  ) {}

  /** Connects, and stays connected until `stop`. */
  start(token: HeldToken): void {
    this.#timer ??= setInterval(() => this.#handle({ kind: "tick" }), TICK);
    this.#handle({ kind: "start", token });
  }

  /** Disconnects for good. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#handle({ kind: "stop" });
  }

  /** Tries to reconnect soon, if it is waiting to: the network is back, or the page is shown again. */
  wake(): void {
    this.#handle({ kind: "wake" });
  }

  /** Tries to reconnect at once, if it is waiting to: the user has asked for it. */
  tryNow(): void {
    this.#handle({ kind: "try-now" });
  }

  /** Asks for a sign of life: there is a particular reason to doubt the connection. */
  doubt(): void {
    this.#handle({ kind: "doubt" });
  }

  /** Sends a frame if there is a connection, and returns whether it did. */
  send(frame: ClientFrame): boolean {
    if (this.#connection.phase.name !== "connected" || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#write(frame);
    return true;
  }

  #handle(event: ConnectionEvent): void {
    const now = this.parts.now();
    const [next, effects] = step(this.#connection, event, now, this.parts.random(), this.parts.serverNow() - now);
    const changed = next !== this.#connection;
    this.#connection = next;
    if (changed) this.listener.changed(next);
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: ConnectionEffect): void {
    switch (effect.kind) {
      case "open":
        return this.#open();
      case "close":
        return this.#drop();
      case "hello":
        return this.#write(clientFrame({ case: "hello", value: { accessToken: effect.accessToken } }));
      case "ping":
        this.#pings += 1n;
        return this.#write(clientFrame({ case: "ping", value: { number: this.#pings } }));
      case "renew-on-socket":
        return this.#write(clientFrame({ case: "renewToken", value: {} }));
      case "renew-by-http":
        void this.#renew(effect.accessToken);
        return;
      case "keep-token":
        return this.listener.token(effect.token);
      case "ready":
        return this.listener.ready();
    }
  }

  /** Renews a token over HTTP. Ignores the outcome if another token, maybe another user's, is in use by then. */
  async #renew(accessToken: string): Promise<void> {
    const outcome = await this.parts.renew(accessToken);
    if (this.#connection.token?.accessToken === accessToken) this.#handle(outcome);
  }

  #write(frame: ClientFrame): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(encode({ ...frame, traceParent: this.#visit.frame() }));
  }

  #open(): void {
    this.#drop();
    const socket = new WebSocket(this.parts.address, SUB_PROTOCOL);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => this.#handle({ kind: "opened" });
    socket.onmessage = (message) => this.#received(message.data);
    socket.onclose = (close) => this.#handle({ kind: "closed", code: close.code, reason: close.reason });
  }

  /** Closes and forgets the current socket, and ignores whatever it still reports. */
  #drop(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #received(data: unknown): void {
    const frame = decode(data);
    if (frame === undefined) return this.#handle({ kind: "garbled" });
    this.#handle({ kind: "heard" });
    this.listener.frame(frame);
    if (frame.frame.case === "welcome") {
      this.#handle({ kind: "welcome", silenceLimit: frame.frame.value.silenceLimitMs });
    } else if (frame.frame.case === "renewed" && frame.frame.value.token !== undefined) {
      this.#handle({ kind: "renewed", token: held(frame.frame.value.token) });
    }
  }
}

/**
 * The life of the connection to the gateway, as a pure function.
 *
 * `step(connection, event, now, random, ahead)` returns the next state of the connection and the effects to carry out. It
 * opens no socket, reads no clock and draws no random numbers, so that every order of events can be tested. `socket.ts`
 * carries the effects out.
 */

import type { HeldToken } from "./token";

/** The phase that the connection is in. */
export type Phase =
  /** No connection is wanted: before the log-in and after `stop`. */
  | { name: "idle" }
  /** The socket is being opened. */
  | { name: "opening"; since: number }
  /** Hello was sent and Welcome is awaited. */
  | { name: "greeting"; since: number }
  /** Welcome was received. */
  | {
      name: "connected";
      lastHeard: number;
      pingSent: boolean;
      /**
       * Since when there is a particular reason to doubt the connection, although it is not lost: the device says that
       * it has no network, or something that was sent has no answer. Ends with the next frame of any kind.
       */
      doubtedSince?: number;
      /**
       * Since when a connection in doubt could answer again, since the network is back or the user looks at the page.
       * If it still does not, it is replaced. Ends with the next frame of any kind.
       */
      wokenAt?: number;
    }
  /** The connection was lost; the next attempt is at `retryAt`. `asked` is whether the server asked to wait so long. */
  | { name: "waiting"; retryAt: number; asked?: true }
  /** The token is being renewed over HTTP, since the gateway no longer accepts it on a socket. */
  | { name: "renewing" }
  /** The user has to log in again. */
  | { name: "expired" }
  /** The gateway refuses this client for good; only reloading the page helps. */
  | { name: "rejected" };

/** The state of the connection. */
export interface Connection {
  phase: Phase;
  token: HeldToken | undefined;
  /** When the current token was received, by the local clock. */
  tokenAt: number;
  /** When a renewal was last requested, by the local clock. */
  renewalAt: number;
  /** How many attempts to connect have failed in a row. */
  failures: number;
  /** When the last Welcome came, by the local clock. */
  welcomedAt: number;
  /** How many connections in a row have ended soon after their Welcome. */
  shortLived: number;
  /** Whether the current token comes from a renewal over HTTP that no Welcome has confirmed yet. */
  renewedOnTrial: boolean;
  /** How long the server may be silent, in milliseconds; it says so in Welcome. */
  silenceLimit: number;
}

/** An event that a step of the connection handles. */
export type ConnectionEvent =
  | { kind: "start"; token: HeldToken }
  | { kind: "stop" }
  | { kind: "opened" }
  | { kind: "welcome"; silenceLimit: number }
  /** Any frame at all was received. */
  | { kind: "heard" }
  /** A frame was received that cannot be decoded, so that something unknown is missing. */
  | { kind: "garbled" }
  | { kind: "closed"; code: number; reason: string }
  | { kind: "renewed"; token: HeldToken }
  /** The token can no longer be renewed. */
  | { kind: "renewal-refused" }
  /** It is not known whether the token was renewed. */
  | { kind: "renewal-failed" }
  | { kind: "tick" }
  /** The network is back, or the page is shown again. */
  | { kind: "wake" }
  /** The user has asked to try now. */
  | { kind: "try-now" }
  /** There is a particular reason to doubt the connection. */
  | { kind: "doubt" };

/** An effect that a step asks for. */
export type ConnectionEffect =
  | { kind: "open" }
  | { kind: "close" }
  | { kind: "hello"; accessToken: string }
  | { kind: "ping" }
  | { kind: "renew-on-socket" }
  | { kind: "renew-by-http"; accessToken: string }
  | { kind: "keep-token"; token: HeldToken }
  /** Everything that was watched or attended must be requested again. */
  | { kind: "ready" };

/** A connection before anyone has logged in. */
export const idle: Connection = {
  phase: { name: "idle" },
  token: undefined,
  tokenAt: 0,
  renewalAt: 0,
  failures: 0,
  welcomedAt: 0,
  shortLived: 0,
  renewedOnTrial: false,
  silenceLimit: 30_000,
};

const OPEN_LIMIT = 10_000;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 20_000;
/** How long the next attempt may be away, at most, once the network is back or the page is shown again. */
const WAKE_SPREAD = 1_000;
/** How long a connection that was in doubt may take to answer once the network is back, before it is replaced. */
const ANSWER_LIMIT = 1_000;
/** A connection that ends sooner after its Welcome counts as short-lived: the next one is likely to end as soon. */
const SHORT_LIFE = 10_000;
/** How long after its renewal a token must be accepted: if it is rejected within this time, the user logs in again. */
const TRIAL = 60_000;
/** The least time between renewals, so that a wrong local clock does not make the page renew endlessly. */
const SHORTEST_RENEWAL_PAUSE = 5_000;
const LONGEST_RENEWAL_PAUSE = 30_000;

const BAD_TOKEN = 4401;
/** Close codes for errors of the client itself, which would recur: 1002, 1007, 1009, 4400. */
const REJECTIONS = new Set([1002, 1007, 1009, 4400]);
/** The code with which browsers report a connection that was lost without a close frame. */
const LOST = 1006;

type Step = [Connection, ConnectionEffect[]];

/**
 * Returns how long to wait before the next attempt: doubled each time, and spread so that not all come back at once.
 */
export function backoff(failures: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(failures, 16));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}

/** Returns the `retry_ms` of a close reason, if it has one. */
export function retryAfter(reason: string): number | undefined {
  const match = /(?:^|[\s;,])retry_ms=(\d{1,6})(?:$|[\s;,])/.exec(reason);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

/**
 * Returns the connection after `event`, and the effects to carry out. `random` is at least 0 and less than 1; `ahead` is how
 * far the server's clock is ahead of the local one, in milliseconds, as far as it is known.
 */
export function step(connection: Connection, event: ConnectionEvent, now: number, random: number, ahead = 0): Step {
  switch (event.kind) {
    case "start":
      return open({ ...connection, token: event.token, tokenAt: now, failures: 0, renewedOnTrial: false }, now);
    case "stop":
      return [{ ...idle }, [{ kind: "close" }]];
    case "opened":
      return opened(connection, now);
    case "welcome":
      return welcome(connection, event.silenceLimit, now);
    case "heard":
      return heard(connection, now);
    case "garbled":
      // A new connection continues after the last good frame.
      return lose(connection, now, random);
    case "closed":
      return closed(connection, event.code, event.reason, now, random);
    case "renewed":
      return renewed(connection, event.token, now);
    case "renewal-refused":
      return renewalRefused(connection);
    case "renewal-failed":
      return connection.phase.name === "renewing" ? retry(connection, now, random) : [connection, []];
    case "tick":
      return tick(connection, now, random, ahead);
    case "wake":
      if (isInDoubt(connection)) return askAgain(connection, now, random, ahead);
      return tick(hasten(connection, now, random), now, random, ahead);
    case "try-now":
      return connection.phase.name === "waiting" ? open(connection, now) : [connection, []];
    case "doubt":
      return doubt(connection, now);
  }
}

function open(connection: Connection, now: number): Step {
  return [{ ...connection, phase: { name: "opening", since: now } }, [{ kind: "open" }]];
}

/** Whether the connection is up as far as anybody knows, but there is a particular reason to doubt that. */
export function isInDoubt({ phase }: Connection): boolean {
  return phase.name === "connected" && phase.doubtedSince !== undefined;
}

/** Asks for a sign of life at once. The answer, or any other frame, ends the doubt. */
function doubt(connection: Connection, now: number): Step {
  const { phase } = connection;
  if (phase.name !== "connected" || phase.doubtedSince !== undefined) return [connection, []];
  return [{ ...connection, phase: { ...phase, pingSent: true, doubtedSince: now } }, [{ kind: "ping" }]];
}

/**
 * Asks a connection in doubt once more for a sign of life. Many outlive a short cut, and devices say that they have no
 * network when they have one: to replace them all at once would be a rush on the gateway for nothing.
 */
function askAgain(connection: Connection, now: number, random: number, ahead: number): Step {
  const { phase } = connection;
  if (phase.name !== "connected" || phase.wokenAt !== undefined) return tick(connection, now, random, ahead);
  const [next, effects] = tick({ ...connection, phase: { ...phase, wokenAt: now } }, now, random, ahead);
  return [next, next.phase.name === "connected" ? [{ kind: "ping" }, ...effects] : effects];
}

/**
 * Brings the next attempt forward. It is spread, since the network may be back for a whole building at once. A wait
 * that the server asked for stays: it is short, and others wait in their turn as well.
 */
function hasten(connection: Connection, now: number, random: number): Connection {
  const { phase } = connection;
  if (phase.name !== "waiting" || phase.asked) return connection;
  return {
    ...connection,
    phase: { ...phase, retryAt: Math.min(phase.retryAt, now + Math.round(WAKE_SPREAD * random)) },
  };
}

function retry(connection: Connection, now: number, random: number, wait?: number): Step {
  const delay = wait ?? backoff(connection.failures + connection.shortLived, random);
  const phase: Phase = { name: "waiting", retryAt: now + delay, ...(wait === undefined ? {} : { asked: true }) };
  return [{ ...connection, phase, failures: connection.failures + 1 }, []];
}

function opened(connection: Connection, now: number): Step {
  if (connection.phase.name !== "opening" || connection.token === undefined) return [connection, [{ kind: "close" }]];
  return [
    { ...connection, phase: { name: "greeting", since: now } },
    [{ kind: "hello", accessToken: connection.token.accessToken }],
  ];
}

function welcome(connection: Connection, silenceLimit: number, now: number): Step {
  if (connection.phase.name !== "greeting") return [connection, []];
  return [
    {
      ...connection,
      phase: { name: "connected", lastHeard: now, pingSent: false },
      failures: 0,
      welcomedAt: now,
      renewedOnTrial: false,
      silenceLimit: silenceLimit > 0 ? silenceLimit : idle.silenceLimit,
    },
    [{ kind: "ready" }],
  ];
}

function heard(connection: Connection, now: number): Step {
  if (connection.phase.name !== "connected") return [connection, []];
  return [{ ...connection, phase: { name: "connected", lastHeard: now, pingSent: false } }, []];
}

function closed(connection: Connection, code: number, reason: string, now: number, random: number): Step {
  const { phase, token } = connection;
  if (phase.name !== "opening" && phase.name !== "greeting" && phase.name !== "connected") return [connection, []];
  if (code === BAD_TOKEN) {
    // If a token that was renewed a moment ago is rejected, renewing again will not help. If it has aged since, it may.
    const isFresh = now - connection.tokenAt < TRIAL;
    if (token === undefined || (connection.renewedOnTrial && isFresh)) return expire(connection);
    return [
      { ...connection, phase: { name: "renewing" } },
      [{ kind: "renew-by-http", accessToken: token.accessToken }],
    ];
  }
  if (REJECTIONS.has(code)) return [{ ...connection, phase: { name: "rejected" } }, []];
  const wait = retryAfter(reason);
  if (phase.name !== "connected") return retry(connection, now, random, wait);
  const isShort = now - connection.welcomedAt < SHORT_LIFE;
  const before = isShort ? connection.shortLived : 0;
  const [waiting, effects] = retry({ ...connection, shortLived: before }, now, random, wait);
  return [{ ...waiting, shortLived: isShort ? before + 1 : 0 }, effects];
}

function expire(connection: Connection): Step {
  return [{ ...connection, phase: { name: "expired" }, token: undefined }, []];
}

function renewed(connection: Connection, token: HeldToken, now: number): Step {
  const { phase } = connection;
  if (phase.name === "idle" || phase.name === "expired" || phase.name === "rejected") return [connection, []];
  const next: Connection = { ...connection, token, tokenAt: now };
  const keep: ConnectionEffect = { kind: "keep-token", token };
  if (phase.name !== "renewing") return [next, [keep]];
  const [opening, effects] = open({ ...next, renewedOnTrial: true }, now);
  return [opening, [keep, ...effects]];
}

function renewalRefused(connection: Connection): Step {
  // While a socket is open the old token is still valid; its expiry arrives as a close code.
  return connection.phase.name === "renewing" ? expire(connection) : [connection, []];
}

function tick(connection: Connection, now: number, random: number, ahead: number): Step {
  const { phase } = connection;
  switch (phase.name) {
    case "opening":
    case "greeting":
      return now - phase.since > OPEN_LIMIT ? lose(connection, now, random) : [connection, []];
    case "waiting":
      return now >= phase.retryAt ? open(connection, now) : [connection, []];
    case "connected":
      if (now - phase.lastHeard > connection.silenceLimit) return lose(connection, now, random);
      if (phase.wokenAt !== undefined && now - phase.wokenAt >= ANSWER_LIMIT) return lose(connection, now, random);
      return upkeep(connection, phase, now, ahead);
    default:
      return [connection, []];
  }
}

function lose(connection: Connection, now: number, random: number): Step {
  const [next, effects] = closed(connection, LOST, "", now, random);
  return [next, [{ kind: "close" }, ...effects]];
}

function upkeep(
  connection: Connection,
  phase: Extract<Phase, { name: "connected" }>,
  now: number,
  ahead: number,
): Step {
  const effects: ConnectionEffect[] = [];
  let next = connection;
  if (!phase.pingSent && now - phase.lastHeard > connection.silenceLimit / 2) {
    next = { ...next, phase: { ...phase, pingSent: true } };
    effects.push({ kind: "ping" });
  }
  if (connection.token !== undefined && renewalDue(connection, connection.token, now, ahead)) {
    next = { ...next, renewalAt: now };
    effects.push({ kind: "renew-on-socket" });
  }
  return [next, effects];
}

/** Whether to renew the token: from half of its lifetime on, which leaves time for several attempts. */
function renewalDue(connection: Connection, token: HeldToken, now: number, ahead: number): boolean {
  // The server's clock says when the token expires; the local one may be minutes away from it.
  const life = token.expiresAt - ahead - connection.tokenAt;
  const pause =
    life > 0 ? Math.max(SHORTEST_RENEWAL_PAUSE, Math.min(LONGEST_RENEWAL_PAUSE, life / 4)) : LONGEST_RENEWAL_PAUSE;
  return now >= connection.tokenAt + life / 2 && now - Math.max(connection.renewalAt, connection.tokenAt) >= pause;
}

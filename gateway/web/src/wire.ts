/** Frames, as they are written to and read from the websocket. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type Act,
  ActSchema,
  type ClientFrame,
  ClientFrameSchema,
  type ServerFrame,
  ServerFrameSchema,
} from "./gen/carrel/gateway/v1/frames_pb";
import type { Refusal } from "./gen/carrel/refusal/v1/refusal_pb";
import { LastingCode, StatusCode } from "./status_code";

/** The sub-protocol that the pages speak. */
export const SUB_PROTOCOL = "carrel.v1.proto";

/** What a client frame may contain. */
export type ClientFrameInit = NonNullable<MessageInitShape<typeof ClientFrameSchema>["frame"]>;

/** An act that a client can do in a session. */
export type Deed = Exclude<Act["act"], { case: undefined }>;

/** Returns a frame to the gateway. */
export function clientFrame(frame: ClientFrameInit): ClientFrame {
  return create(ClientFrameSchema, { frame });
}

/** Returns a frame that does an act in a session. */
export function actFrame(commandId: string, sessionId: string, deed: Deed): ClientFrame {
  return clientFrame({ case: "act", value: create(ActSchema, { commandId, sessionId, act: deed }) });
}

/** Encodes a frame to the gateway. */
export function encode(frame: ClientFrame): Uint8Array<ArrayBuffer> {
  return new Uint8Array(toBinary(ClientFrameSchema, frame));
}

/** Decodes a frame from the gateway, or returns `undefined` if it is not one. */
export function decode(data: unknown): ServerFrame | undefined {
  if (!(data instanceof ArrayBuffer)) return undefined;
  try {
    return fromBinary(ServerFrameSchema, new Uint8Array(data));
  } catch {
    return undefined;
  }
}

const NOTHING_HAPPENED = new Set<number>(Object.values(StatusCode));

/**
 * Whether a refusal means that certainly nothing happened. Otherwise a repetition with the same command id settles it.
 */
export function nothingHappened(refusal: Refusal | undefined): boolean {
  return refusal !== undefined && NOTHING_HAPPENED.has(refusal.code);
}

const LASTING = new Set<number>(Object.values(LastingCode));

/** Whether a refusal leaves open what happened, and is likely to be the answer to every repetition too. */
export function mayLast(refusal: Refusal): boolean {
  return LASTING.has(refusal.code);
}

/**
 * Whether what was refused may be accepted unchanged later: its outcome is unknown, there were too many requests at
 * once, or the token had expired.
 */
export function mayPass(refusal: Refusal): boolean {
  if (!nothingHappened(refusal)) return true;
  return refusal.code === StatusCode.RESOURCE_EXHAUSTED || refusal.code === StatusCode.UNAUTHENTICATED;
}

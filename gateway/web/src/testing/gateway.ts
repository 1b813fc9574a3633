/** A fake gateway for tests of whole pages: the browser's end of a websocket, and what is written to it. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ProfileSchema } from "../gen/carrel/directory/v1/directory_service_pb";
import {
  type ClientFrame,
  ClientFrameSchema,
  type ServerFrame,
  ServerFrameSchema,
} from "../gen/carrel/gateway/v1/frames_pb";
import { serverFrame } from "./log_server";

type Frame = Exclude<ServerFrame["frame"], { case: undefined }>;
type Profile = NonNullable<Parameters<typeof create<typeof ProfileSchema>>[1]>;

type ValueOf<Case> = Extract<ClientFrame["frame"], { case: Case }> extends { value: infer Value } ? Value : never;

/** The websocket that a page is given. */
export class FakeSocket {
  static readonly OPEN = 1;
  /** The socket that was opened last. */
  static last: FakeSocket | undefined;
  /** The profile in the Welcome. */
  static profile: Profile = {};

  readonly readyState = FakeSocket.OPEN;
  readonly received: ClientFrame["frame"][] = [];
  binaryType = "";
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((close: { code: number; reason: string }) => void) | null = null;

  constructor() {
    FakeSocket.last = this;
  }

  /** Opens the connection; the page's Hello is then answered with a Welcome. */
  open(): void {
    this.onopen?.();
  }

  /** Receives a frame from the page. */
  send(bytes: Uint8Array): void {
    const { frame } = fromBinary(ClientFrameSchema, bytes);
    this.received.push(frame);
    if (frame.case !== "hello") return;
    const profile = create(ProfileSchema, FakeSocket.profile);
    const value = { sessionId: "", silenceLimitMs: 30_000, textLimit: 4_000, profile };
    this.push({ case: "welcome", value: { $typeName: "carrel.gateway.v1.Welcome", ...value } });
  }

  /** Sends a frame to the page. */
  push(frame: Frame): void {
    const bytes = new Uint8Array(toBinary(ServerFrameSchema, serverFrame(frame)));
    this.receive(bytes.buffer);
  }

  /** Delivers data to the page, whether it is a frame or not. */
  receive(data: unknown): void {
    this.onmessage?.({ data });
  }

  /** Returns the frames received of one kind, oldest first. */
  all<Case extends ClientFrame["frame"]["case"]>(kind: Case): ValueOf<Case>[] {
    return this.received.filter((frame) => frame.case === kind).map((frame) => frame.value as ValueOf<Case>);
  }

  /** Called when the page closes the connection. */
  close(): void {}
}

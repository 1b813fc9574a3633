/** A fake conversation between two librarians with its gateway, as seen by one of them. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ClientFrame } from "../gen/carrel/gateway/v1/frames_pb";
import {
  type Conversation,
  ConversationSchema,
  ListMessagesResponseSchema,
  type Member,
  MemberSchema,
  type Message,
  MessageSchema,
  type WatchConversationsResponse,
} from "../gen/carrel/im/v1/im_service_pb";
import { RefusalSchema } from "../gen/carrel/refusal/v1/refusal_pb";
import type { ConversationsInput } from "../state/conversations";

/** The user of the page. */
export const ME: Member = create(MemberSchema, { librarianId: "map", screenName: "Ms Map" });
/** The other librarian. */
export const OTHER: Member = create(MemberSchema, { librarianId: "quill", screenName: "Mr Quill" });

/** Returns a change of the conversations as an input of the page. */
export function change(what: WatchConversationsResponse["change"]): ConversationsInput {
  return { kind: "change", change: what };
}

/** The conversation. It does each command once, and keeps the messages from `firstKept` on. */
export class ImServer {
  readonly messages: Message[] = [];
  read = 0;
  delivered = 0;
  readByOther = 0;
  firstKept = 1;
  /** If set, the outcome of the next message is not reported; this is whether it is written. */
  open: "done" | "not done" | undefined;
  readonly #done = new Map<string, number>();

  constructor(readonly conversationId = "c") {}

  /** Writes a message, and returns the input that delivers it. */
  write(author: Member, text: string): ConversationsInput {
    const position = BigInt(this.messages.length + 1);
    const time = timestampFromMs(Number(position) * 1_000);
    const message = create(MessageSchema, { position, author, text, time });
    this.messages.push(message);
    return change({
      case: "arrived",
      value: { $typeName: "carrel.im.v1.MessageArrived", conversationId: this.conversationId, message },
    });
  }

  /** The conversation as the user sees it. */
  get conversation(): Conversation {
    const last = this.messages.at(-1);
    const unread = this.messages.filter(
      ({ author, position }) => author?.librarianId !== ME.librarianId && Number(position) > this.read,
    );
    return create(ConversationSchema, {
      conversationId: this.conversationId,
      with: { case: "librarian", value: OTHER },
      head: BigInt(this.messages.length),
      ...(last && Number(last.position) >= this.firstKept ? { lastMessage: last } : {}),
      read: BigInt(this.read),
      unread: unread.length,
      deliveredToOther: BigInt(this.delivered),
      readByOther: BigInt(this.readByOther),
      firstKept: BigInt(this.firstKept),
    });
  }

  /** The snapshot that begins a new watch. */
  get snapshot(): ConversationsInput {
    const conversations = this.messages.length > 0 ? [this.conversation] : [];
    return change({ case: "snapshot", value: { $typeName: "carrel.im.v1.ConversationsSnapshot", conversations } });
  }

  /** The change that reports what was read and what is kept. */
  get changed(): ConversationsInput {
    return change({ case: "changed", value: this.conversation });
  }

  /** Returns the gateway's answer to a frame and what it then delivers. */
  handle({ frame }: ClientFrame): ConversationsInput[] {
    switch (frame.case) {
      case "imSend": {
        const { commandId, text } = frame.value;
        const before = this.#done.get(commandId);
        const open = this.open;
        this.open = undefined;
        const refusal = create(RefusalSchema, { code: 14, reason: "LOG_UNAVAILABLE" });
        if (open === "not done") return [{ kind: "refused", commandId, refusal }];
        const delivery = before === undefined ? [this.write(ME, text)] : [];
        const position = before ?? this.messages.length;
        this.#done.set(commandId, position);
        if (open === "done") return [...delivery, { kind: "refused", commandId, refusal }];
        return [...delivery, { kind: "sent", commandId, conversationId: this.conversationId, position }];
      }
      case "imList": {
        const { before, after, pageSize } = frame.value;
        const kept = this.messages.filter(({ position }) => Number(position) >= this.firstKept);
        const asked =
          after > 0n
            ? kept.filter(({ position }) => position > after)
            : kept.filter(({ position }) => before === 0n || position < before);
        const messages = after > 0n ? asked.slice(0, pageSize) : asked.slice(-pageSize);
        const response = create(ListMessagesResponseSchema, { messages, more: asked.length > messages.length });
        return [{ kind: "listed", request: frame.value, response }];
      }
      case "imMarkRead":
        this.read = Math.max(this.read, Number(frame.value.position));
        return [this.changed];
      default:
        return [];
    }
  }
}

/** The acts that a user can do in a session, as they go into frames. */
import { create } from "@bufbuild/protobuf";
import {
  AcceptTransferSchema,
  DeclineTransferSchema,
  EnterConferenceSchema,
  LeaveConferenceSchema,
  type OfferTransfer,
  OfferTransferSchema,
  OpenSessionSchema,
  PickUpSchema,
  SetDescriptiveCodesSchema,
  SetResolutionSchema,
  WithdrawTransferSchema,
} from "../gen/carrel/gateway/v1/frames_pb";
import type { Resolution } from "../gen/carrel/session/v1/session_pb";
import {
  EndSessionSchema,
  PostMessageSchema,
  PushPageSchema,
  WriteNoteSchema,
} from "../gen/carrel/session/v1/session_service_pb";
import type { Deed } from "../wire";

/** Asks the patron's question. `language` is the one in which the patron reads the page. */
export function openSession(question: string, patronName: string, patronEmail: string, language = ""): Deed {
  return { case: "openSession", value: create(OpenSessionSchema, { question, patronName, patronEmail, language }) };
}

/** Picks a waiting patron up. */
export function pickUp(): Deed {
  return { case: "pickUp", value: create(PickUpSchema) };
}

/** Writes a message that everyone in the session sees. */
export function postMessage(text: string): Deed {
  return { case: "postMessage", value: create(PostMessageSchema, { text }) };
}

/** Sends a web page's address to everyone in the session. */
export function pushPage(address: string): Deed {
  return { case: "pushPage", value: create(PushPageSchema, { address }) };
}

/** Writes a note, which only staff see. */
export function writeNote(text: string): Deed {
  return { case: "writeNote", value: create(WriteNoteSchema, { text }) };
}

/** Enters conference mode; the user has accepted this version of the warning. */
export function enterConference(warningVersion: string): Deed {
  return { case: "enterConference", value: create(EnterConferenceSchema, { warningVersion }) };
}

/** Leaves conference mode. */
export function leaveConference(): Deed {
  return { case: "leaveConference", value: create(LeaveConferenceSchema) };
}

/** Ends the session for everyone. */
export function endSession(): Deed {
  return { case: "endSession", value: create(EndSessionSchema) };
}

/** Offers a session to a librarian, by their introduction, or to a queue. */
export function offerTransfer(to: OfferTransfer["to"], message: string): Deed {
  return { case: "offerTransfer", value: create(OfferTransferSchema, { to, message }) };
}

/** Accepts an offer. */
export function acceptTransfer(offerId: string): Deed {
  return { case: "acceptTransfer", value: create(AcceptTransferSchema, { offerId }) };
}

/** Declines an offer. */
export function declineTransfer(offerId: string, reason: string): Deed {
  return { case: "declineTransfer", value: create(DeclineTransferSchema, { offerId, reason }) };
}

/** Takes an offer back. */
export function withdrawTransfer(offerId: string): Deed {
  return { case: "withdrawTransfer", value: create(WithdrawTransferSchema, { offerId }) };
}

/** Says how an ended session came out. */
export function setResolution(resolution: Resolution): Deed {
  return { case: "setResolution", value: create(SetResolutionSchema, { resolution }) };
}

/** Says what an ended session was about. `codeList` is the signed list of the patron's library. */
export function setDescriptiveCodes(codes: readonly string[], codeList: string): Deed {
  return { case: "setDescriptiveCodes", value: create(SetDescriptiveCodesSchema, { codes: [...codes], codeList }) };
}

/** The gateway's HTTP interface. Bodies are the directory's and the session service's messages in proto3 JSON. */
import { create, type DescMessage, fromJson, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import type { ConnectionEvent } from "./connection";
import {
  AdmitPatronRequestSchema,
  AdmitPatronResponseSchema,
  GetLibraryResponseSchema,
  GetProfileResponseSchema,
  ListLibrariesResponseSchema,
  ListRoleChangesResponseSchema,
  LogInRequestSchema,
  LogInResponseSchema,
  RenewTokenRequestSchema,
  RenewTokenResponseSchema,
} from "./gen/carrel/directory/v1/directory_service_pb";
import { GetAvailabilityResponseSchema } from "./gen/carrel/presence/v1/presence_service_pb";
import { type Refusal, RefusalSchema } from "./gen/carrel/refusal/v1/refusal_pb";
import { Audience } from "./gen/carrel/session/v1/session_pb";
import {
  type EndedSessionFilter,
  EraseSessionRequestSchema,
  EraseSessionResponseSchema,
  ExportTranscriptRequestSchema,
  ExportTranscriptResponseSchema,
  GetTranscriptResponseSchema,
  ListAuditEntriesResponseSchema,
  ListEndedSessionsRequestSchema,
  ListEndedSessionsResponseSchema,
} from "./gen/carrel/session/v1/session_service_pb";
import { whyUnanswered } from "./refusal_words";
import { held } from "./token";

/** Thrown when a request was refused or got no answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly refusal: Refusal | undefined,
  ) {
    super();
  }

  /** Why, in words for people and in the language of the page. */
  override get message(): string {
    return whyUnanswered(this.refusal);
  }

  /** The refusal's stable reason, or an empty string if there was no proper answer. */
  get reason(): string {
    return this.refusal?.reason ?? "";
  }
}

/** How the renewal of a token ended, as an event for `connection.ts`. */
export type RenewOutcome = Extract<ConnectionEvent, { kind: "renewed" | "renewal-refused" | "renewal-failed" }>;

/** The two views of a transcript. */
export type TranscriptView = "patron" | "staff";

const TIME_LIMIT = 15_000;

/** How far the server's clock is ahead of this one, in milliseconds, according to its last answer. */
let ahead = 0;

/** Returns the server's time, as far as this browser knows it. */
export function serverNow(): number {
  return Date.now() + ahead;
}

function noteTime(response: Response): void {
  const date = Date.parse(response.headers.get("date") ?? "");
  // The header has whole seconds, so adding half a second is the best guess.
  if (!Number.isNaN(date)) ahead = date + 500 - Date.now();
}

async function call<Out extends DescMessage>(
  path: string,
  answer: Out,
  options: { body?: JsonValue; accessToken?: string } = {},
): Promise<MessageShape<Out>> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (options.accessToken !== undefined) headers.authorization = `Bearer ${options.accessToken}`;
  const request: RequestInit = { headers, cache: "no-store", signal: AbortSignal.timeout(TIME_LIMIT) };
  if (options.body !== undefined) {
    headers["content-type"] = "application/json";
    request.method = "POST";
    request.body = JSON.stringify(options.body);
  }
  let response: Response;
  let body: JsonValue;
  try {
    response = await fetch(path, request);
    body = (await response.json()) as JsonValue;
  } catch {
    throw new ApiError(0, undefined);
  }
  noteTime(response);
  if (!response.ok) {
    const refusal = read(RefusalSchema, body);
    throw new ApiError(response.status, refusal);
  }
  const message = read(answer, body);
  if (message === undefined) throw new ApiError(response.status, undefined);
  return message;
}

function read<Desc extends DescMessage>(schema: Desc, body: JsonValue): MessageShape<Desc> | undefined {
  try {
    return fromJson(schema, body, { ignoreUnknownFields: true });
  } catch {
    return undefined;
  }
}

/** Logs a librarian in. */
export function logIn(logInName: string, password: string) {
  const body = toJson(LogInRequestSchema, create(LogInRequestSchema, { logInName, password }));
  return call("/v1/log-in", LogInResponseSchema, { body });
}

/** Admits a patron of a library, to ask a question or to practise. */
export function admitPatron(institutionId: string, practice: boolean) {
  const body = toJson(AdmitPatronRequestSchema, create(AdmitPatronRequestSchema, { institutionId, practice }));
  return call("/v1/admit", AdmitPatronResponseSchema, { body });
}

/** Exchanges a token for a fresh one. */
export async function renew(accessToken: string): Promise<RenewOutcome> {
  const body = toJson(RenewTokenRequestSchema, create(RenewTokenRequestSchema, { accessToken }));
  try {
    const { token } = await call("/v1/renew", RenewTokenResponseSchema, { body });
    return token === undefined ? { kind: "renewal-failed" } : { kind: "renewed", token: held(token) };
  } catch (error) {
    const refused = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
    return { kind: refused ? "renewal-refused" : "renewal-failed" };
  }
}

/** Fetches what a library's patron page needs. */
export function library(institutionId: string) {
  return call(`/v1/libraries/${encodeURIComponent(institutionId)}`, GetLibraryResponseSchema);
}

/** Fetches whether a library's patrons can be answered now. */
export function availability(institutionId: string) {
  return call(`/v1/libraries/${encodeURIComponent(institutionId)}/availability`, GetAvailabilityResponseSchema);
}

/** Fetches a page of the libraries that have a patron page. */
export function libraries(pageToken = "") {
  return call(`/v1/libraries?${page(pageToken, 100)}`, ListLibrariesResponseSchema);
}

/** Fetches the librarian's own profile, with what they should know about each library (D37, D38). */
export function profile(accessToken: string) {
  return call("/v1/profile", GetProfileResponseSchema, { accessToken });
}

/** Fetches a session's transcript in one view. */
export function transcript(accessToken: string, sessionId: string, view: TranscriptView) {
  const path = `/v1/sessions/${encodeURIComponent(sessionId)}/transcript?audience=${view}`;
  return call(path, GetTranscriptResponseSchema, { accessToken });
}

/** Exports a session's transcript in one view, for a file. The server writes each export to the audit (R21). */
export function exportTranscript(accessToken: string, sessionId: string, view: TranscriptView) {
  const audience = view === "staff" ? Audience.STAFF : Audience.PATRON;
  const body = toJson(ExportTranscriptRequestSchema, create(ExportTranscriptRequestSchema, { audience }));
  const path = `/v1/sessions/${encodeURIComponent(sessionId)}/export`;
  return call(path, ExportTranscriptResponseSchema, { accessToken, body });
}

/** Erases an ended session. A repeated command gets the first outcome. */
export function eraseSession(accessToken: string, sessionId: string, commandId: string) {
  const body = toJson(EraseSessionRequestSchema, create(EraseSessionRequestSchema, { commandId }));
  const path = `/v1/sessions/${encodeURIComponent(sessionId)}/erase`;
  return call(path, EraseSessionResponseSchema, { accessToken, body });
}

/** Fetches a page of the ended sessions of the librarian's library that match, the latest first. */
export function endedSessions(accessToken: string, pageToken: string, filter: EndedSessionFilter, pageSize = 25) {
  const request = create(ListEndedSessionsRequestSchema, { pageSize, pageToken, filter });
  const body = toJson(ListEndedSessionsRequestSchema, request);
  return call("/v1/ended-sessions", ListEndedSessionsResponseSchema, { accessToken, body });
}

/** Fetches a page of the audit of the librarian's library, newest first. */
export function audit(accessToken: string, pageToken: string) {
  return call(`/v1/audit?${page(pageToken, 50)}`, ListAuditEntriesResponseSchema, { accessToken });
}

/** Fetches a page of the changes of roles in the librarian's library, newest first. For administrators (R21). */
export function roleChanges(accessToken: string, pageToken: string) {
  return call(`/v1/role-changes?${page(pageToken, 50)}`, ListRoleChangesResponseSchema, { accessToken });
}

function page(token: string, size: number): string {
  return new URLSearchParams({ page_size: String(size), page_token: token }).toString();
}

/** Tokens in the form that the pages hold. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Token } from "./gen/carrel/directory/v1/directory_service_pb";

/** A token. Times are milliseconds since 1970 by the server's clock. */
export interface HeldToken {
  accessToken: string;
  expiresAt: number;
  renewUntil: number;
}

/** Whether a value that was stored is a token. */
export function isHeldToken(value: unknown): value is HeldToken {
  if (typeof value !== "object" || value === null) return false;
  const { accessToken, expiresAt, renewUntil } = value as Partial<HeldToken>;
  return typeof accessToken === "string" && typeof expiresAt === "number" && typeof renewUntil === "number";
}

/** Converts a token from the directory into the form that the pages hold. */
export function held(token: Token): HeldToken {
  return {
    accessToken: token.accessToken,
    expiresAt: token.expireTime ? timestampMs(token.expireTime) : 0,
    renewUntil: token.renewUntilTime ? timestampMs(token.renewUntilTime) : 0,
  };
}

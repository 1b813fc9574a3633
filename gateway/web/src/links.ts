/** Web and e-mail addresses in plain text (R22, R23). */

/** A part of a text: plain text, or an address and the URL that it leads to. */
export type TextPart = { kind: "text"; text: string } | { kind: "link"; text: string; address: string };

/** A web address ends before any character that changes the text direction and could make it look like another. */
const IN_ADDRESS = /[^\s<>"'`{}|\\^\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/u.source;
/** An address without a scheme begins where a word begins: it must not be a part of something else. */
const BARE = /(?<![\p{L}\p{N}@/._%+-])/u.source;
/** An e-mail address. It has ASCII letters only, so that none looks like another, and ends where a word ends. */
const MAIL = /[a-zA-Z0-9][a-zA-Z0-9._%+-]{0,63}@(?:[a-zA-Z0-9-]{1,63}\.)+[a-zA-Z]{2,63}(?![\p{L}\p{N}@_-])/u.source;
const IS_MAIL = new RegExp(`^${MAIL}$`, "u");
const ADDRESS = new RegExp(`https?://${IN_ADDRESS}|${BARE}${MAIL}|${BARE}www\\.${IN_ADDRESS}`, "giu");
const CLOSING: Record<string, string> = { ")": "(", "]": "[" };

/** Splits a text into parts, whose texts joined together are the text again. */
export function textParts(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const found = withoutPunctuation(match[0]);
    const address = leadsTo(found);
    if (address === undefined) continue;
    if (match.index > end) parts.push({ kind: "text", text: text.slice(end, match.index) });
    parts.push({ kind: "link", text: found, address });
    end = match.index + found.length;
  }
  if (end < text.length) parts.push({ kind: "text", text: text.slice(end) });
  return parts;
}

/** Returns the URL that a found address leads to, if it is one. */
function leadsTo(found: string): string | undefined {
  if (/^https?:/i.test(found)) return safeAddress(found);
  return IS_MAIL.test(found) ? mailLink(found) : bareAddress(found);
}

/**
 * Returns the URL of a web address without a scheme. After "www" its host needs two parts at least, in ASCII, so that
 * no look-alike of a slash or a dot hides where it leads.
 */
function bareAddress(found: string): string | undefined {
  return /^www\.[a-z0-9-]+(?:\.[a-z0-9-]+)+(?=[/?#:]|$)/i.test(found) ? typedAddress(found) : undefined;
}

/** Returns an address in normalised form if it is http or https and has no user name or password in it. */
export function safeAddress(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  if (url.username !== "" || url.password !== "" || url.hostname === "") return undefined;
  return url.href;
}

/** Returns the mailto link to an e-mail address, if it looks like one. Nothing but the address goes into the link. */
export function mailLink(address: string): string | undefined {
  const [local, host, ...more] = address.trim().split("@");
  if (!local || !host || more.length > 0 || /\s/.test(local + host)) return undefined;
  return `mailto:${encodeURIComponent(local)}@${encodeURIComponent(host)}`;
}

/** Returns what a person typed as a web address, with https if they left the scheme out. */
export function typedAddress(typed: string): string | undefined {
  const trimmed = typed.trim();
  if (trimmed === "" || /\s/.test(trimmed)) return undefined;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) return safeAddress(trimmed);
  return /^[^/?#:@]+\.[^/?#:@]+(?::\d+)?(?:[/?#]|$)/.test(trimmed) ? safeAddress(`https://${trimmed}`) : undefined;
}

/** Strips trailing punctuation, which belongs to the sentence, and closing brackets that the address did not open. */
function withoutPunctuation(found: string): string {
  let address = found;
  for (;;) {
    const last = address.at(-1) ?? "";
    const opening = CLOSING[last];
    const unopened = opening !== undefined && count(address, last) > count(address, opening);
    if (!unopened && !/[.,;:!?…“”„»«’]/u.test(last)) return address;
    address = address.slice(0, -1);
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

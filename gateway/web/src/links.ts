/** Web addresses in plain text (R22, R23). */

/** A piece of a text: as it is, or a web address. */
export type TextPart = { kind: "text"; text: string } | { kind: "link"; text: string; address: string };

/** An address ends before a mark that changes the direction of text: with one in it, it looks like another address. */
const ADDRESS = /https?:\/\/[^\s<>"'`{}|\\^\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;
const CLOSING: Record<string, string> = { ")": "(", "]": "[" };

/** The text in pieces. Joined together, their texts are the text again. */
export function textParts(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const found = withoutPunctuation(match[0]);
    const address = safeAddress(found);
    if (address === undefined) continue;
    if (match.index > end) parts.push({ kind: "text", text: text.slice(end, match.index) });
    parts.push({ kind: "link", text: found, address });
    end = match.index + found.length;
  }
  if (end < text.length) parts.push({ kind: "text", text: text.slice(end) });
  return parts;
}

/** The address in its normalised form if it is http or https without a user name or password in it. */
export function safeAddress(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  if (url.username !== "" || url.password !== "" || url.hostname === "") return undefined;
  return url.href;
}

/** What a person typed as a web address, with the scheme that they may have left out. */
export function typedAddress(typed: string): string | undefined {
  const trimmed = typed.trim();
  if (trimmed === "" || /\s/.test(trimmed)) return undefined;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) return safeAddress(trimmed);
  return /^[^/?#:@]+\.[^/?#:@]+(?::\d+)?(?:[/?#]|$)/.test(trimmed) ? safeAddress(`https://${trimmed}`) : undefined;
}

/** A sentence's punctuation after an address belongs to the sentence; a bracket does if the address did not open it. */
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

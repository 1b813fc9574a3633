/** What the line of HTML that embeds the chat says of it. */

import { LANGUAGES, type Language, languageOf } from "../texts/languages";
import { WIDGET_WORDS } from "./words";

/** How the widget is to be. */
export interface Options {
  /** The origin of the gateway, from which the script came. */
  gateway: string;
  /** The library's id. */
  library: string;
  /** The words on the button. */
  label: string;
  /** The language that the site wants the chat to be in (D84), if it says one. */
  lang?: Language | undefined;
  /** The side of the window at which it stands. */
  side: "left" | "right";
  /** The button's colour, and one for the words on it that stands out. */
  color: { ground: string; ink: string } | undefined;
}

/** The attributes of the script's element. */
export type Attributes = Readonly<Partial<Record<"library" | "label" | "lang" | "side" | "color", string>>>;

const COLOR = /^#[0-9a-f]{6}$/i;

/**
 * Reads the attributes of a script that came from `address`. Calls `wrong` with words for the site's web master for
 * each that can't be followed. Without a library there is nothing to show.
 */
export function readOptions(address: string, given: Attributes, wrong: (why: string) => void): Options | undefined {
  const library = given.library?.trim() ?? "";
  if (library === "") {
    wrong('the script needs the id of the library, for example data-library="maple"; no button is shown');
    return undefined;
  }
  const side = given.side?.trim() || "right";
  if (side !== "left" && side !== "right")
    wrong(`data-side is "left" or "right", not "${side}"; it stays at the right`);
  const color = given.color?.trim() ?? "";
  const isColor = COLOR.test(color);
  if (color !== "" && !isColor) wrong(`data-color is written like "#14595a", not "${color}"; the usual one is taken`);
  const tag = given.lang?.trim() ?? "";
  const lang = languageOf(tag);
  if (tag !== "" && lang === undefined) {
    const codes = Object.keys(LANGUAGES).join(", ");
    wrong(`data-lang is one of ${codes}, not "${tag}"; the chat chooses its language by the browser`);
  }
  return {
    gateway: new URL(address).origin,
    library,
    label: given.label?.trim() || WIDGET_WORDS[lang ?? "en"].label,
    lang,
    side: side === "left" ? "left" : "right",
    color: isColor ? { ground: color, ink: inkOn(color) } : undefined,
  };
}

/** The luminance below which white stands out more than black, by the contrast of WCAG 2. */
const DARK = 0.179;

/** Returns black or white, whichever stands out more. Either has a contrast of 4.5 at least where it is chosen. */
function inkOn(color: string): string {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < DARK ? "#ffffff" : "#000000";
}

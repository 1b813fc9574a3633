/** The elements of the widget, in a tree of their own that the styles of the site do not reach. */
import css from "../styles/widget.css?inline";
import type { Language } from "../texts/languages";
import type { Options } from "./options";
import { WIDGET_WORDS, type WidgetWords } from "./words";

/** The elements that the widget works with. */
export interface Parts {
  /** What stands in the site's page, and holds all else. */
  host: HTMLElement;
  button: HTMLButtonElement;
  /** The words on the button. */
  label: HTMLElement;
  /** The number of new messages, for the eye. */
  count: HTMLElement;
  /** The same in words, as part of the button's name. */
  countWords: HTMLElement;
  panel: HTMLDialogElement;
  minimise: HTMLButtonElement;
  /** Where the frame goes. */
  body: HTMLElement;
  /** Says that the chat can't be shown here, and where it can. */
  trouble: HTMLElement;
  /** Tells screen readers of new messages. */
  status: HTMLElement;
}

/** The attribute by which a widget is found that is there already. */
const MARK = "data-carrel-widget";

/** Returns the language of the widget's own words. */
export function ownLang({ lang }: Options): Language {
  return lang ?? "en";
}

/** Returns the widget's own words. */
export function wordsOf(options: Options): WidgetWords {
  return WIDGET_WORDS[ownLang(options)];
}

/** Returns the language of the words that the button has: a label that the site chose is in the site's language. */
export function langOfLabel(options: Options): string {
  return options.label === wordsOf(options).label ? ownLang(options) : document.documentElement.lang;
}

/** Whether a library's widget is in the page. */
export function isThere(library: string): boolean {
  return [...document.querySelectorAll(`[${MARK}]`)].some((host) => host.getAttribute(MARK) === library);
}

/** Returns the address of the patron page. */
export function askAddress({ gateway, library, lang }: Options): string {
  return `${gateway}/ask/${encodeURIComponent(library)}${lang === undefined ? "" : `?lang=${lang}`}`;
}

/** Builds the widget, without its frame, and puts it into the page. */
export function build(options: Options): Parts {
  const own = wordsOf(options);
  // The page around may be in any language, and written from right to left.
  const host = element("div", { lang: ownLang(options), dir: "ltr" });
  host.setAttribute(MARK, options.library);
  const root = host.attachShadow({ mode: "open" });
  // A style sheet that a script constructs needs no leave of the site's content security policy, as <style> would.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  if (options.color !== undefined) {
    host.style.setProperty("--ground", options.color.ground);
    host.style.setProperty("--ink-on-ground", options.color.ink);
  }

  const words = { textContent: options.label, lang: langOfLabel(options), dir: "auto" };
  const label = element("span", { className: "label", ...words });
  const count = element("span", { className: "count", hidden: true });
  count.setAttribute("aria-hidden", "true");
  const countWords = element("span", { className: "unseen" });
  const button = element("button", { type: "button", className: "button" });
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", "panel");
  button.append(bubble(), label, count, countWords);

  const title = element("h2", { className: "title", id: "title", ...words });
  const minimise = element("button", { type: "button", className: "minimise", textContent: own.minimise });
  const head = element("div", { className: "head" });
  head.append(title, minimise);
  const link = element("a", { href: askAddress(options), target: "_blank", rel: "noopener noreferrer" });
  link.textContent = own.newTab;
  const trouble = element("p", { className: "trouble", hidden: true });
  trouble.setAttribute("role", "alert");
  trouble.append(`${own.trouble} `, link, ".");
  const body = element("div", { className: "body" });
  const panel = element("dialog", { className: "panel", id: "panel" });
  panel.setAttribute("aria-labelledby", "title");
  panel.append(head, trouble, body);

  const status = element("div", { className: "unseen" });
  status.setAttribute("role", "status");
  const stand = element("div", { className: `stand ${options.side}` });
  stand.append(panel, button, status);
  root.append(stand);
  document.body.append(host);
  return { host, button, label, count, countWords, panel, minimise, body, trouble, status };
}

/** Returns the frame with the patron page in it, which is told in which tab it is. */
export function frame(options: Options, tab: string): HTMLIFrameElement {
  const src = `${askAddress(options)}#tab=${tab}`;
  const title = { title: options.label, lang: langOfLabel(options) };
  const made = element("iframe", { ...title, src, referrerPolicy: "no-referrer" });
  // What the patron did on the site counts as leave for the sounds that call them (K22).
  made.allow = "autoplay";
  return made;
}

function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  given: Partial<HTMLElementTagNameMap[Tag]> = {},
): HTMLElementTagNameMap[Tag] {
  return Object.assign(document.createElement(tag), given);
}

const SVG = "http://www.w3.org/2000/svg";

/** A speech bubble. */
function bubble(): SVGElement {
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("class", "icon");
  icon.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M5 5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2Z");
  icon.append(path);
  return icon;
}

/**
 * The script that libraries put into the pages of their own web sites: `/embed.js`. It is no module, since only a plain
 * script is told by which element it was loaded.
 */
import { readOptions } from "./embed/options";
import { isThere } from "./embed/parts";
import { Widget } from "./embed/widget";

/** Tells the site's web master what is wrong, on the console, and disturbs nothing else on the page. */
function wrong(why: string): void {
  reportError(new Error(`Carrel: ${why}.`));
}

const script = document.currentScript;
if (script instanceof HTMLScriptElement && script.src !== "") {
  const options = readOptions(script.src, script.dataset, wrong);
  const begin = () => {
    if (options !== undefined && !isThere(options.library)) new Widget(options, wrong);
  };
  // An `async` script may run before there is a body.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
} else {
  wrong('load it by <script src="…/embed.js" data-library="…" async></script>, not as a module and not inline');
}

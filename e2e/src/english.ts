/** Whether a page that is to be in Spanish says anything in English. */
import type { Page } from "playwright-core";

/** Words that most English texts have one of, and that are in no Spanish one. */
const ENGLISH =
  /\b(the|this|that|these|you|your|and|or|not|of|to|with|from|for|by|is|are|was|were|been|have|can|will|please|ask|asked|answer|chatting|close|end|ended|leave|language|librarian|library|loading|message|name|new|question|reload|send|sending|sent|sound|wait|waiting|write|writing)\b/gi;

/**
 * Returns the English words in everything that a Spanish page shows or says to a screen reader, its title and what is
 * hidden at the moment among them, each with the text that it is in. `names` and addresses are left out, and so is what
 * the page itself marks as being in another language.
 */
export async function englishIn(page: Page, names: readonly string[]): Promise<string[]> {
  const said = await page.evaluate(() => {
    const texts = [document.title];
    const isForeign = (element: Element) => !(element.closest("[lang]")?.getAttribute("lang") ?? "").startsWith("es");
    for (const element of document.body.querySelectorAll("*")) {
      if (element.closest("script, style, noscript") !== null || isForeign(element)) continue;
      for (const name of ["aria-label", "aria-description", "aria-valuetext", "title", "placeholder", "alt"]) {
        texts.push(element.getAttribute(name) ?? "");
      }
      for (const child of element.childNodes) if (child instanceof Text) texts.push(child.data);
    }
    return texts.map((text) => text.trim()).filter((text) => text !== "");
  });
  if (said.length < 10) throw new Error(`the page says only ${JSON.stringify(said)}`);
  return said.flatMap((text) => {
    const rest = names.reduce((rest, name) => rest.replaceAll(name, ""), text.replaceAll(/https?:\S+/g, ""));
    const words = rest.match(ENGLISH) ?? [];
    return words.map((word) => `"${word}" in "${text}"`);
  });
}

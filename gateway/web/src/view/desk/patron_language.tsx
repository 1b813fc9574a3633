import type { Desk } from "../../app/desk/desk";

/** The names of languages as the chat monitor writes them, which is in English. */
const NAMES = new Intl.DisplayNames("en", { type: "language" });

/**
 * Returns the name of the language in which a patron reads the page, if that is worth a word (D84): if it is not the first
 * one of the librarian's own library. Otherwise, and if it is not known, it is empty.
 */
export function foreignLanguage(desk: Desk, tag: string): string {
  // An older Carrel does not say which the library's own is; then it is the one of the chat monitor.
  const own = desk.profile.value?.language || "en";
  return tag === "" || primary(tag) === primary(own) ? "" : nameOf(tag);
}

/** Says in which language the patron reads the page, where that is worth a word. */
export function PatronLanguage({ desk, tag }: { desk: Desk; tag: string }) {
  const name = foreignLanguage(desk, tag);
  if (name === "") return null;
  return <span title={`The patron reads the page in ${name}.`}>reads {name}</span>;
}

/** The language without its region and script: who reads one kind of French reads another. */
function primary(tag: string): string | undefined {
  return tag.toLowerCase().split("-")[0];
}

function nameOf(tag: string): string {
  try {
    return NAMES.of(tag) ?? tag;
  } catch {
    // Tags are not checked against any list, so there are some that the browser takes for none.
    return tag;
  }
}

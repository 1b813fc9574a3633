/** Returns the library's id in the address of a patron page, undecoded if it cannot be decoded. */
export function libraryIn(path: string): string {
  const name = path.split("/")[2] ?? "";
  try {
    return decodeURIComponent(name);
  } catch {
    // No library has this id, and the page will say so.
    return name;
  }
}

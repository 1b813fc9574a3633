/** The library that the address of a patron page names: as it stands there, if it cannot be decoded. */
export function libraryIn(path: string): string {
  const name = path.split("/")[2] ?? "";
  try {
    return decodeURIComponent(name);
  } catch {
    // No library is called so, and the page says that there is none.
    return name;
  }
}

/**
 * What a page remembers in a frame of another site, in a browser that gives it no `sessionStorage` and no
 * `localStorage` there. Chromium, for example, gives none where third-party cookies are blocked. A cookie that is kept
 * apart for each site around the frame still works, so the patron is in the same chat on the site's next page (D85),
 * and can come back to it from a new tab (R8). The gateway reads no cookies.
 */

/** The part of a storage that is used. */
export type TabStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** The part that is used of a storage that all tabs share. */
export interface SharedStorage extends TabStorage {
  /** The keys of everything that is stored. */
  keys: () => string[];
}

/** For how many seconds a cookie is kept after it was written. While a chat runs, its page writes it again each minute. */
const KEPT = 900;

/** The name of a tab, as the widget gives it with the address. */
const TAB = /^#tab=([0-9a-f]{16})$/;

/** Returns the storage of a page in a frame of the widget's for its own tab, or nothing for any other page. */
export function frameStorage(): TabStorage | undefined {
  const tab = tabInSite();
  // Tabs share cookies, so each of them has names of its own.
  return tab === undefined ? undefined : cookies((key) => `${key}.${tab}`);
}

/** Returns the storage that the frames of the widget's in all tabs of a site share, or nothing for any other page. */
export function sharedFrameStorage(): SharedStorage | undefined {
  if (tabInSite() === undefined) return undefined;
  return { ...cookies((key) => key), keys: () => written().map(([name]) => name) };
}

/** The name of this tab, if the page is in a frame of the widget's. */
function tabInSite(): string | undefined {
  return window.parent === window ? undefined : TAB.exec(location.hash)?.[1];
}

function cookies(nameOf: (key: string) => string): TabStorage {
  return {
    getItem: (key) => written().find(([name]) => name === nameOf(key))?.[1] ?? null,
    setItem: (key, value) => write(nameOf(key), value, KEPT),
    removeItem: (key) => write(nameOf(key), "", 0),
  };
}

/** The names and values of the cookies. */
function written(): [string, string][] {
  return document.cookie.split("; ").map((cookie) => {
    const [name = "", value = ""] = cookie.split("=");
    return [decoded(name), decoded(value)];
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A cookie that was not written here.
    return text;
  }
}

function write(name: string, value: string, seconds: number): void {
  const scope = `Path=${location.pathname}; Max-Age=${seconds}; Secure; SameSite=None; Partitioned`;
  // biome-ignore lint/suspicious/noDocumentCookie: the store for cookies that replaces this is not in every browser
  document.cookie = `${encodeURIComponent(name)}=${encodeURIComponent(value)}; ${scope}`;
}

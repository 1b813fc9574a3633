/**
 * What a page remembers in a frame of another site, in a browser that gives it no `sessionStorage` there. Chromium, for
 * example, gives none where third-party cookies are blocked. A cookie that is kept apart for each site around the frame
 * still works, so the patron is in the same chat on the site's next page (D85). The gateway reads no cookies.
 */

/** The part of a storage that is used. */
export type TabStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** For how many seconds a cookie is kept after the last change. A token is renewed more often. */
const KEPT = 900;

/** The name of a tab, as the widget gives it with the address. */
const TAB = /^#tab=([0-9a-f]{16})$/;

/** Returns the storage of a page in a frame of the widget's, or nothing for any other. */
export function frameStorage(): TabStorage | undefined {
  const tab = TAB.exec(location.hash)?.[1];
  if (tab === undefined || window.parent === window) return undefined;
  // Tabs share cookies, so each of them has names of its own.
  const nameOf = (key: string) => encodeURIComponent(`${key}.${tab}`);
  return {
    getItem: (key) => {
      const begin = `${nameOf(key)}=`;
      const found = document.cookie.split("; ").find((cookie) => cookie.startsWith(begin));
      return found === undefined ? null : decodeURIComponent(found.slice(begin.length));
    },
    setItem: (key, value) => write(nameOf(key), encodeURIComponent(value), KEPT),
    removeItem: (key) => write(nameOf(key), "", 0),
  };
}

function write(name: string, value: string, seconds: number): void {
  const scope = `Path=${location.pathname}; Max-Age=${seconds}; Secure; SameSite=None; Partitioned`;
  // biome-ignore lint/suspicious/noDocumentCookie: the store for cookies that replaces this is not in every browser
  document.cookie = `${name}=${value}; ${scope}`;
}

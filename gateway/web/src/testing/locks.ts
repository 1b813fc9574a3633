/** The locks of a browser, for tests of what its tabs know of each other. */

/** What takes the place of `navigator.locks`. */
export class FakeLocks {
  #held: { name: string }[] = [];

  /** Gives these locks to the pages. Returns a function that takes them away again. */
  install(): () => void {
    Object.defineProperty(navigator, "locks", { value: this, configurable: true });
    return () => Reflect.deleteProperty(navigator, "locks");
  }

  /** Holds a lock for another tab. */
  hold(name: string): void {
    this.#held.push({ name });
  }

  /** Closes all tabs: nobody holds a lock any more. */
  closeTabs(): void {
    this.#held = [];
  }

  /** As the browser's: all locks here are shared, so each is granted at once. */
  async request(name: string, _: { mode: "shared" }, work: () => Promise<void>): Promise<void> {
    const lock = { name };
    this.#held.push(lock);
    await work();
    this.#held = this.#held.filter((held) => held !== lock);
  }

  /** As the browser's. */
  async query(): Promise<{ held: { name: string }[] }> {
    return { held: [...this.#held] };
  }
}

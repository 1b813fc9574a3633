/** Where a story is played: a Carrel and a Chromium of its own, and the people in it. */
import type { Browser, BrowserContextOptions } from "playwright-core";
import { Carrel, type Settings } from "./carrel";
import { Desk } from "./desk";
import { PatronPage } from "./patron_page";
import { launch, launchToKill, Visitor } from "./visitor";
import { Wire } from "./wire";

/** A Carrel, a Chromium, and the people at it. */
export class Stage {
  readonly #visitors: Visitor[] = [];
  readonly #ends: (() => Promise<void>)[] = [];

  private constructor(
    readonly carrel: Carrel,
    readonly browser: Browser,
  ) {}

  /** Starts a Carrel and a Chromium. The directory is the demo's, or one from `fixtures`. */
  static async open(settings: Settings = {}, directory?: string): Promise<Stage> {
    const [carrel, browser] = await Promise.allSettled([Carrel.start(settings, directory), launch()]);
    if (carrel.status === "fulfilled" && browser.status === "fulfilled") return new Stage(carrel.value, browser.value);
    // The caller does not get the half that started, so it has to be ended here.
    if (carrel.status === "fulfilled") await carrel.value.stop();
    if (browser.status === "fulfilled") await browser.value.close();
    throw carrel.status === "rejected" ? carrel.reason : (browser as PromiseRejectedResult).reason;
  }

  /** A librarian in a browser context of their own, at the chat monitor, logged in and watching queues. */
  async librarian(logInName: string, queues: readonly string[] = []): Promise<Desk> {
    return this.#logIn(await this.visitor(), logInName, queues);
  }

  /** A librarian in a separate browser process, with a function that kills it. */
  async mortalLibrarian(logInName: string, queues: readonly string[] = []): Promise<[Desk, () => Promise<void>]> {
    const [browser, kill] = await launchToKill();
    const desk = await this.#logIn(await this.#arrive(browser), logInName, queues);
    this.#ends.push(kill);
    return [desk, kill];
  }

  /** A patron in a browser context of their own, at their library's page. */
  async patron(library = "maple"): Promise<PatronPage> {
    const visitor = await this.visitor();
    await visitor.page.goto(this.carrel.page(`/ask/${library}`));
    return new PatronPage(visitor);
  }

  /** A patron whose network connection can be cut. */
  async patronOnWire(library = "maple"): Promise<[PatronPage, Wire]> {
    const wire = await Wire.to(this.carrel.address);
    this.#ends.push(() => wire.close());
    const visitor = await this.visitor();
    await visitor.page.goto(`http://${wire.address}/ask/${library}`);
    return [new PatronPage(visitor), wire];
  }

  /** A person with a browser context of their own and an empty page. */
  visitor(options: BrowserContextOptions = {}): Promise<Visitor> {
    return this.#arrive(this.browser, options);
  }

  /** Everything that any browser complained about. */
  get complaints(): string[] {
    return this.#visitors.flatMap((visitor) => visitor.complaints);
  }

  /** Saves a screenshot of every open page. */
  async pictures(name: string): Promise<void> {
    const there = this.#visitors.filter((visitor) => !visitor.page.isClosed());
    await Promise.all(there.map((visitor, index) => visitor.picture(`${name}-${index + 1}`)));
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await this.browser.close();
    await Promise.all(this.#ends.map((end) => end()));
    await this.carrel.stop();
  }

  async #arrive(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
    const visitor = await Visitor.arrive(browser, options);
    this.#visitors.push(visitor);
    return visitor;
  }

  async #logIn(visitor: Visitor, logInName: string, queues: readonly string[]): Promise<Desk> {
    await visitor.page.goto(this.carrel.page("/desk"));
    const desk = new Desk(visitor);
    await desk.logIn(logInName, "demo", queues);
    return desk;
  }
}

/** Where a story is played: a Carrel and a Chromium of its own, and the people who come. */
import type { Browser } from "playwright-core";
import { Carrel, type Settings } from "./carrel";
import { Desk } from "./desk";
import { PatronPage } from "./patron_page";
import { launch, Visitor } from "./visitor";

/** A Carrel, a Chromium, and who is there. */
export class Stage {
  readonly #visitors: Visitor[] = [];

  private constructor(
    readonly carrel: Carrel,
    readonly browser: Browser,
  ) {}

  /** Starts both. */
  static async open(settings: Settings = {}): Promise<Stage> {
    const [carrel, browser] = await Promise.all([Carrel.start(settings), launch()]);
    return new Stage(carrel, browser);
  }

  /** A librarian in a browser of their own, at the chat monitor, logged in and watching queues. */
  async librarian(logInName: string, queues: readonly string[] = []): Promise<Desk> {
    const visitor = await this.visitor();
    await visitor.page.goto(this.carrel.page("/desk"));
    const desk = new Desk(visitor);
    await desk.logIn(logInName, "demo", queues);
    return desk;
  }

  /** A patron in a browser of their own, at their library's page. */
  async patron(library = "maple"): Promise<PatronPage> {
    const visitor = await this.visitor();
    await visitor.page.goto(this.carrel.page(`/ask/${library}`));
    return new PatronPage(visitor);
  }

  /** Somebody with a browser of their own and an empty page. */
  async visitor(): Promise<Visitor> {
    const visitor = await Visitor.arrive(this.browser);
    this.#visitors.push(visitor);
    return visitor;
  }

  /** Everything that any browser complained about. */
  get complaints(): string[] {
    return this.#visitors.flatMap((visitor) => visitor.complaints);
  }

  /** Keeps a picture of every browser. */
  async pictures(name: string): Promise<void> {
    await Promise.all(this.#visitors.map((visitor, index) => visitor.picture(`${name}-${index + 1}`)));
  }

  /** Ends both. */
  async close(): Promise<void> {
    await this.browser.close();
    await this.carrel.stop();
  }
}

/** A person with a browser context of their own, and everything that their browser was sent. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const ARTEFACTS = join(import.meta.dirname, "../artefacts");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

const OPTIONS = {
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  // Only to catch hangs: the first start reads all of Chromium from the disk.
  timeout: 120_000,
};

/** Starts a Chromium for one file of tests. */
export function launch(): Promise<Browser> {
  return chromium.launch(OPTIONS);
}

/**
 * Starts a Chromium, and returns it with a function that kills it as a crash would. A second call does nothing more.
 */
export async function launchToKill(): Promise<[Browser, () => Promise<void>]> {
  const server = await chromium.launchServer(OPTIONS);
  const browser = await chromium.connect(server.wsEndpoint());
  let killed: Promise<void> | undefined;
  const kill = () => {
    killed ??= server.kill();
    return killed;
  };
  return [browser, kill];
}

/** One person: a browser context of their own, with a page in it. */
export class Visitor {
  /** Everything that came over the page's websockets, one entry for each frame. */
  readonly received: Buffer[] = [];

  private constructor(
    readonly page: Page,
    /** What the browser complained about: blocked by the content security policy, or a script's error. */
    readonly complaints: string[] = [],
  ) {
    page.setDefaultTimeout(30_000);
    page.on("websocket", (socket) => {
      socket.on("framereceived", ({ payload }) => this.received.push(Buffer.from(payload)));
    });
    page.on("pageerror", (error) => complaints.push(`script error: ${error.message}`));
    page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) complaints.push(message.text());
    });
  }

  /** Opens a context and a page in it. */
  static async arrive(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    return new Visitor(await context.newPage());
  }

  /** Opens another tab in the same browser, which may complain as well. */
  async openTab(): Promise<Visitor> {
    return new Visitor(await this.page.context().newPage(), this.complaints);
  }

  /** Whether a text ever came over the page's websockets, in any frame. */
  everReceived(text: string): boolean {
    return Buffer.concat(this.received).includes(Buffer.from(text));
  }

  /** Saves a screenshot of the page in e2e/artefacts, with animations and transitions in their final state. */
  async picture(name: string): Promise<void> {
    await mkdir(ARTEFACTS, { recursive: true });
    await this.page.screenshot({ path: join(ARTEFACTS, `${name}.png`), animations: "disabled" });
  }

  /** Closes the browser context. */
  async leave(): Promise<void> {
    await this.page.context().close();
  }
}

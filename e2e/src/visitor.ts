/** Somebody at a browser of their own, and everything that their browser was sent. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

const ARTEFACTS = join(import.meta.dirname, "../artefacts");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

const OPTIONS = {
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  // A limit for what hangs, not a measure: the first start reads it all from the disk.
  timeout: 120_000,
};

/** Starts a Chromium for one file of tests. */
export function launch(): Promise<Browser> {
  return chromium.launch(OPTIONS);
}

/** Starts a Chromium, and gives the way to end it as a crash would. Ending it again does nothing. */
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
  /** What the browser complained about: blocked by the content security policy, or a script's error. */
  readonly complaints: string[] = [];

  private constructor(readonly page: Page) {}

  /** Opens a context and a page in it. */
  static async arrive(browser: Browser): Promise<Visitor> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const visitor = new Visitor(page);
    page.setDefaultTimeout(30_000);
    page.on("websocket", (socket) => {
      socket.on("framereceived", ({ payload }) => visitor.received.push(Buffer.from(payload)));
    });
    page.on("pageerror", (error) => visitor.complaints.push(`script error: ${error.message}`));
    page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) visitor.complaints.push(message.text());
    });
    return visitor;
  }

  /** Whether a text ever came over the page's websockets, in any frame. */
  everReceived(text: string): boolean {
    return Buffer.concat(this.received).includes(Buffer.from(text));
  }

  /** Keeps a picture of the page in e2e/artefacts. Whatever moves or changes colour is shown as it is in the end. */
  async picture(name: string): Promise<void> {
    await mkdir(ARTEFACTS, { recursive: true });
    await this.page.screenshot({ path: join(ARTEFACTS, `${name}.png`), animations: "disabled" });
  }

  /** Closes the browser context. */
  async leave(): Promise<void> {
    await this.page.context().close();
  }
}

/** A Carrel started for the tests: demo directory, throw-away data folder, free ports on loopback. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const ADDRESS = /\b(http|grpc):\/\/([0-9.]+:[0-9]+)/g;
const PROGRAM = process.env.PROGRAM_UNDER_TEST ?? join(import.meta.dirname, "../../target/debug/carrel");

interface Addresses {
  http: string;
  grpc: string;
}

/** Settings other than the demo's, as environment variables. */
export type Settings = Readonly<Record<string, string>>;

const FIXTURES = join(import.meta.dirname, "../fixtures");
const run = promisify(execFile);

/** A running Carrel that can be killed and started again on the same data and ports. */
export class Carrel {
  private constructor(
    private readonly folder: string,
    private process: ChildProcess,
    private readonly addresses: Addresses,
    private readonly settings: Settings,
  ) {}

  /** Starts a Carrel, with the demo's directory or with one from `fixtures`. */
  static async start(settings: Settings = {}, directory?: string): Promise<Carrel> {
    const folder = await mkdtemp(join(tmpdir(), "carrel-e2e-"));
    if (directory !== undefined) {
      await run(PROGRAM, ["directory", "load", join(FIXTURES, directory), "--data-dir", join(folder, "data")]);
    }
    const started = await serve(folder, { http: "127.0.0.1:0", grpc: "127.0.0.1:0" }, settings);
    return new Carrel(folder, started.process, started.addresses, settings);
  }

  /** The address of a page, for example of "/desk". */
  page(path: string): string {
    return `http://${this.addresses.http}${path}`;
  }

  /** The host and port of its pages. */
  get address(): string {
    return this.addresses.http;
  }

  /** Kills the process, as a power cut would. */
  async kill(): Promise<void> {
    await end(this.process, "SIGKILL");
  }

  /** Starts it again after `kill`. */
  async restart(): Promise<void> {
    this.process = (await serve(this.folder, this.addresses, this.settings)).process;
  }

  /** Ends the process in order and deletes its data. */
  async stop(): Promise<void> {
    await end(this.process, "SIGTERM");
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

async function serve(
  folder: string,
  listen: Addresses,
  settings: Settings,
): Promise<{ process: ChildProcess; addresses: Addresses }> {
  const options = ["--data-dir", join(folder, "data"), "--http-address", listen.http, "--grpc-address", listen.grpc];
  const child = spawn(PROGRAM, ["serve", "--demo", ...options], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...settings },
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-10_000);
  });
  const found: Partial<Addresses> = {};
  const addresses = await new Promise<Addresses>((resolve, reject) => {
    child.on("error", (error) => reject(new Error(`${PROGRAM} can't be run: ${error.message}`)));
    child.on("exit", () => reject(new Error(`carrel ended before it served; it wrote: ${errors}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      for (const [, scheme, address] of line.matchAll(ADDRESS)) found[scheme as keyof Addresses] ??= address as string;
      if (found.http && found.grpc) resolve({ http: found.http, grpc: found.grpc });
    });
  });
  return { process: child, addresses };
}

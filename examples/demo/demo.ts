/** The TypeScript half of the demo: a client and a worker. `npm run demo` prepares everything and runs it. */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Celery, TaskError } from "celeriac";
import { Worker } from "celeriac/worker";

const folder = process.env["DEMO_FOLDER"]!;
const python = process.env["DEMO_PYTHON"]!;
const here = import.meta.dirname;
const started = performance.now();

for (const name of ["messages", "control", "results"]) await mkdir(join(folder, name), { recursive: true });

const app = new Celery({
  broker: "filesystem://",
  backend: `file://${folder}/results`,
  brokerTransportOptions: {
    data_folder_in: join(folder, "messages"),
    data_folder_out: join(folder, "messages"),
    control_folder: join(folder, "control"),
    polling_interval: 0.1,
  },
});

// Tasks that live in Python: their types are written down here.
const toPython = { queue: "python" };
const add = app.task<(x: number, y: number) => number>("proj.add", toPython);
const divide = app.task<(x: number, y: number) => number>("proj.divide", toPython);
const download = app.task<(parts: number) => string>("proj.download", toPython);

// Tasks that live here: any function is one.
app.task("node.greet", { params: ["name"] }, (name: string) => `Hello ${name}, this is Node ${process.version}`);
app.task("node.reserve", (seats: number) => {
  throw new RangeError(`only 120 seats are left, not ${seats}`);
});

const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1", TMPDIR: folder };
const pythonWorker = spawn(
  python,
  ["-m", "celery", "-A", "proj", "worker", "-Q", "python", "-P", "solo", "-l", "warning", "--without-mingle"],
  { cwd: here, env, stdio: ["ignore", "pipe", "pipe"] },
);
const log: string[] = [];
for (const stream of [pythonWorker.stdout, pythonWorker.stderr])
  stream.on("data", (text: Buffer) => log.push(text.toString()));
const pythonEnded = new Promise<void>((resolve) => pythonWorker.once("close", () => resolve()));

const say = (text = ""): void => console.log(text);
const indent = (text: string, by: string): string => text.trimEnd().replace(/^/gm, by);

try {
  const worker = await new Worker(app, { queues: ["node"], concurrency: 4, hostname: "node" }).start();
  say("celeriac demo: TypeScript and Python in one Celery; broker and results are folders, no server\n");

  say("1. Node calls Python");
  say(`   await add.delay(2, 3).get()          ->  ${await add.delay(2, 3).get({ timeout: 60 })}`);
  try {
    await divide.delay(1, 0).get({ timeout: 60 });
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    say(`   await divide.delay(1, 0).get()       ->  ${error.name}: ${error.type}: ${error.message}`);
    say(indent(error.traceback ?? "", "      | "));
  }
  say("   for await (const { state, result } of (await download.delay(3)).updates())");
  for await (const { state, result } of (await download.delay(3)).updates({ signal: AbortSignal.timeout(60_000) }))
    say(`      ${state.padEnd(9)} ${JSON.stringify(result)}`);

  say("\n2. Python calls Node");
  say(indent(await output(python, ["call_node.py"]), "   "));

  await worker.shutdown();
  say(`\nBoth directions work (${((performance.now() - started) / 1000).toFixed(1)} s).`);
} catch (error) {
  say(`\nThe demo failed. What the Python worker said:\n${indent(log.join(""), "   ")}`);
  throw error;
} finally {
  await app.close();
  pythonWorker.kill("SIGTERM");
  const stuck = setTimeout(() => pythonWorker.kill("SIGKILL"), 10_000);
  await pythonEnded;
  clearTimeout(stuck);
}

/** What a Python program prints. */
function output(command: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: here, env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${args[0]} ended with ${code}: ${errors}`)),
    );
  });
}

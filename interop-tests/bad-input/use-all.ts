/** Opens one driver after the other and uses it; prints what that led to as JSON: started by missing-packages.test.ts. */
import { backendDrivers, brokerDrivers } from "../../scripts/docs/driver-list.js";
import { sampleFor } from "../../scripts/docs/samples.js";
import { backendOptions } from "../../src/backends/default-options.js";
import { openBackend } from "../../src/backends/registry.js";
import { brokerOptions } from "../../src/brokers/default-options.js";
import { openBroker } from "../../src/brokers/registry.js";

export interface Outcome {
  readonly driver: string;
  readonly packages: readonly string[];
  /** The name and the text of the error; null when there was none. */
  readonly error: readonly [string, string] | null;
}

async function outcome(driver: string, packages: readonly string[], use: () => Promise<void>): Promise<Outcome> {
  try {
    await use();
    return { driver, packages, error: null };
  } catch (error) {
    const { name, message } = error as Error;
    return { driver, packages, error: [name, message] };
  }
}

const outcomes: Outcome[] = [];
for (const { schemes, packages } of await brokerDrivers())
  for (const scheme of schemes)
    outcomes.push(
      await outcome(`${scheme}:// as broker`, packages, async () => {
        const { url, transportOptions = {} } = sampleFor(scheme);
        const broker = await openBroker(url, brokerOptions({ transportOptions, connectionTimeout: 1 }));
        await broker.connect().finally(() => broker.close());
      }),
    );
for (const { schemes, packages } of await backendDrivers())
  for (const scheme of schemes)
    outcomes.push(
      await outcome(`${scheme}:// for results`, packages, async () => {
        const { url, transportOptions = {}, settings = {} } = sampleFor(scheme);
        const backend = await openBackend(url, backendOptions({ transportOptions, settings }));
        await backend.load("id").finally(() => backend.close());
      }),
    );
console.log(JSON.stringify(outcomes));

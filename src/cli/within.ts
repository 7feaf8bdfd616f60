import { after } from "../util/time.js";

/** Waits for work, but no longer than so many seconds; what it rejects with does not matter any more. */
export async function within(seconds: number, work: Promise<unknown>, onLate: () => void): Promise<void> {
  const settled = work.then(
    () => true,
    () => true,
  );
  let cancel = (): void => undefined;
  const late = new Promise<boolean>((resolve) => {
    const timer = after(seconds * 1000, () => resolve(false));
    cancel = () => timer.cancel();
  });
  if (!(await Promise.race([settled, late]))) onLate();
  cancel();
}

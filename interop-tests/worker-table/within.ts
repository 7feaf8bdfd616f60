/** Waits until something holds; says what there is when it does not come to it. */
export async function within(
  seconds: number,
  holds: () => boolean,
  otherwise: () => string | Promise<string>,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`${seconds} s passed; ${await otherwise()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

import type { TaskDefinition } from "../../client/task.js";
import { NotSupported } from "../../errors.js";

/** `celery.chord` (Celery 3 sent chords as tasks): refused whole, since its header could not be counted here. */
export const chord: TaskDefinition = {
  options: { ignoreResult: false },
  takesMessage: true,
  onEventLoop: true,
  run() {
    throw new NotSupported("this worker does not start chords yet; route celery.chord to a Python worker");
  },
};

import type { ResultNode } from "../protocol/result.js";
import { type SignatureDocument, readSignature } from "../protocol/signature.js";
import { newId } from "../util/id.js";

type Options = Readonly<Record<string, unknown>>;

/**
 * A chain as it is sent: its first step, which carries what is left in its own `chain` option, last step first
 * (celery/canvas.py `_chain.run`). What was set on the chain belongs to the first step, but for its id, its place in a
 * group and its callbacks, which are the last one's, and its errbacks, which are everyone's.
 */
export function chainHead(
  chain: SignatureDocument,
  place: { readonly group?: string | undefined; readonly groupIndex?: number | undefined } = {},
): { readonly head: SignatureDocument; readonly result: ResultNode } {
  const { task_id, group_id, chord, group_index, link, link_error, chain: following, ...others } = chain.options;
  const { root_id, parent_id: _, ...own } = others;
  const ofLast = given({ chord, group_index: place.groupIndex ?? group_index });
  const all = chainSteps(chain);
  const steps = all.map((step, index): SignatureDocument => {
    const options = { ...step.options, ...given({ root_id }), ...lists(step.options, { link_error }) };
    if (index < all.length - 1) return { ...step, options: { ...options, task_id: options.task_id ?? newId() } };
    const id = options.task_id ?? task_id ?? newId();
    const group = options.group_id ?? place.group ?? group_id;
    return {
      ...step,
      options: { ...options, ...lists(options, { link }), ...ofLast, task_id: id, ...given({ group_id: group }) },
    };
  });
  const result = steps.reduce<ResultNode | null>(
    (parent, { options }) => ({ id: String(options.task_id), parent, children: null }),
    null,
  )!;
  const [first, ...left] = steps as [SignatureDocument, ...SignatureDocument[]];
  const rest = [...listOf(following), ...left.reverse()];
  return { head: { ...first, options: { ...first.options, ...given(own), chain: rest } }, result };
}

/** Its steps in order, those of chains within it in their places. */
export const chainSteps = (chain: SignatureDocument): SignatureDocument[] =>
  listOf(chain.kwargs["tasks"])
    .map((one) => readSignature(one))
    .flatMap((step) => (step.subtask_type === "chain" ? chainSteps(step) : [step]));

/** The list options that something is added to. */
const lists = (options: Options, added: Options): Options =>
  Object.fromEntries(
    Object.entries(given(added)).map(([name, more]) => [name, [...listOf(options[name]), ...listOf(more)]]),
  );

const given = (options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null && value !== undefined));

const listOf = (value: unknown): unknown[] => (value === null || value === undefined ? [] : [value].flat());
